import { statSync } from 'node:fs'
import { join } from 'node:path'
import { InstarError } from '@instar/contract/errors'
import { environmentFiles } from '../../run-parts/environment-files.ts'
import { selectScripts, type LeftOut } from '../../run-parts/select.ts'
import type { Script } from '../run/script.ts'

export interface PhaseDirectory {
  readonly dir: string
  readonly scripts: readonly Script[]
  readonly notRun: readonly { readonly name: string; readonly reason: string }[]
  readonly environmentFiles: readonly string[]
}

/**
 * What the directory of a phase holds; `undefined` when there is none. Throws `refresh.unreadable` when it is there and cannot be read, or is no
 * directory, and `refresh.bad-rule` for a RUN_PARTS_REGEX that is no expression.
 */
export function readPhaseDirectory(
  base: string,
  phase: string,
  environment: Readonly<Record<string, string | undefined>>,
): PhaseDirectory | undefined {
  const dir = `${base.replace(/\/$/, '')}/${phase}.d`
  if (!isDirectory(dir)) return undefined
  const selection = selectScripts(dir, environment)
  if (selection.kind === 'bad-rule')
    throw new InstarError('refresh.bad-rule', `RUN_PARTS_REGEX is "${selection.rule}": ${selection.reason}`)
  if (selection.kind === 'unreadable') throw unreadable(selection.path, selection.reason)
  const files = environmentFiles(dir)
  if (files.kind === 'unreadable') throw unreadable(files.path, files.reason)
  return {
    dir,
    scripts: selection.scripts.map((name, index) => ({ name, path: join(dir, name), order: index + 1 })),
    notRun: selection.leftOut.map(left => ({ name: left.name, reason: describeLeftOut(dir, left) })),
    environmentFiles: files.files,
  }
}

/** False only when there is nothing of this name. */
function isDirectory(path: string): boolean {
  try {
    if (statSync(path).isDirectory()) return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return false
    throw unreadable(path, error instanceof Error ? error.message : String(error))
  }
  throw unreadable(path, 'not a directory')
}

function unreadable(path: string, reason: string): InstarError {
  return new InstarError('refresh.unreadable', `cannot read ${path}: ${reason}`)
}

function describeLeftOut(dir: string, { name, reason }: LeftOut): string {
  switch (reason) {
    case 'name':
      return 'its name does not fit the rule (letters, digits, _ and -, or RUN_PARTS_REGEX)'
    case 'not-a-file':
      return 'it is no regular file'
    case 'dangling':
      return 'it is a link that leads nowhere'
    case 'not-executable':
      return `it may not be executed (mode ${modeOf(join(dir, name))})`
  }
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o7777).toString(8).padStart(4, '0')
}
