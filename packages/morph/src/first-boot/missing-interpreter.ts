import { InstarError } from '@instar/contract'
import { envProgramOf, interpreterOf } from '@instar/phases'
import type { GuestTree } from '../tree/guest-tree.ts'

const PROGRAM_DIRS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** The program that a payload's first line asks for and that is not in the guest; `undefined` when it is there or nobody looked there. */
export function missingInterpreter(tree: GuestTree, payload: string): string | undefined {
  const interpreter = interpreterOf(payload)
  if (isMissing(tree, interpreter.path)) return interpreter.path
  const program = envProgramOf(interpreter)
  if (program === undefined) return undefined
  const isThere = PROGRAM_DIRS.some(dir => isMissing(tree, `${dir}/${program}`) === false)
  return isThere ? undefined : `${program} (looked for in ${PROGRAM_DIRS.filter(dir => isMissing(tree, dir) === false).join(', ')})`
}

/** `undefined` where the morph did not look. A link counts: what it leads to is often not loaded. */
function isMissing(tree: GuestTree, path: string): boolean | undefined {
  try {
    return tree.lstat(path) === undefined
  } catch (error) {
    if (error instanceof InstarError && error.code === 'guest.not-loaded') return undefined
    throw error
  }
}
