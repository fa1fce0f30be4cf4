import { InstarError } from '@instar/contract/errors'
import { closest } from '@instar/contract/closest'
import { parseObject, readFile, type JsonObject } from '../output/json-option.ts'
import { scriptsOfFile, type WireScripts } from './user-scripts.ts'

export interface ActionFile {
  /** All keys but the scripts. */
  readonly fields: JsonObject
  /** Absent: the file says nothing of scripts; null: it says that nothing is said. */
  readonly scripts: Partial<WireScripts> | null | undefined
}

/** A transfer or deployment described by a file, JSON or YAML, with the keys of the API. A key that would be ignored is refused. */
export async function readActionFile(file: string, keys: readonly string[]): Promise<ActionFile> {
  const { user_scripts, ...fields } = await parseObject(readFile(file), file)
  for (const key of Object.keys(fields)) {
    if (keys.includes(key)) continue
    const guess = closest(key, keys)
    throw new InstarError('usage.bad-argument', `${file}: unknown key "${key}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`, {
      hint: `The keys are: ${[...keys, 'user_scripts'].join(', ')}.`,
    })
  }
  return { fields, scripts: user_scripts === undefined || user_scripts === null ? user_scripts : scriptsOfFile(user_scripts, file) }
}
