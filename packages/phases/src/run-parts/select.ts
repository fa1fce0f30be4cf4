import { accessSync, constants, readdirSync, statSync } from 'node:fs'
import type { Dirent } from 'node:fs'
import { join } from 'node:path'
import { compareBytes, inScriptOrder } from './order.ts'
import { matchNames } from './name-rule.ts'
import { isExecutable } from './program-kind.ts'
import { reasonOf } from './system-error.ts'

/** Why an entry of a directory of scripts does not run. */
export type LeftOutReason = 'name' | 'not-a-file' | 'dangling' | 'not-executable'

export interface LeftOut {
  readonly name: string
  readonly reason: LeftOutReason
}

export type Selection =
  /** `scripts` in the order in which they run. */
  | { readonly kind: 'selected'; readonly scripts: readonly string[]; readonly leftOut: readonly LeftOut[] }
  | { readonly kind: 'unreadable'; readonly path: string; readonly reason: string }
  | { readonly kind: 'bad-rule'; readonly rule: string; readonly reason: string }

/**
 * The scripts of a directory, in order: regular files and links to such, executable for us by access(2), whose name the rule lets run
 * (RUN_PARTS_REGEX of the environment, else the default). Everything else is named with its reason.
 */
export function selectScripts(directory: string, environment: NodeJS.ProcessEnv): Selection {
  const entries = readEntries(directory)
  if ('reason' in entries) return { kind: 'unreadable', path: directory, reason: entries.reason }
  const regex = environment['RUN_PARTS_REGEX']
  const rule = matchNames(
    entries.map(entry => entry.name),
    regex,
    environment,
  )
  if (rule.kind === 'invalid') return { kind: 'bad-rule', rule: regex ?? '', reason: rule.reason }
  const judged = entries.map(entry => ({
    name: entry.name,
    reason: rule.names.has(entry.name) && !entry.name.includes('\n') ? judgeFile(directory, entry) : ('name' as const),
  }))
  return {
    kind: 'selected',
    scripts: inScriptOrder(judged.filter(({ reason }) => reason === undefined).map(({ name }) => name)),
    leftOut: judged.filter((one): one is LeftOut => one.reason !== undefined).sort((a, b) => compareBytes(a.name, b.name)),
  }
}

function readEntries(directory: string): Dirent[] | { reason: string } {
  try {
    // Readable but not searchable: the names could be read, and then no file could be looked at.
    accessSync(directory, constants.R_OK | constants.X_OK)
    return readdirSync(directory, { withFileTypes: true })
  } catch (error) {
    return { reason: reasonOf(error) }
  }
}

function judgeFile(directory: string, entry: Dirent): LeftOutReason | undefined {
  const path = join(directory, entry.name)
  // A directory entry tells its type on most file systems; only links, and those that do not tell, cost a look.
  if (!entry.isFile()) {
    const target = tryStat(path)
    if (target === undefined) return 'dangling'
    if (!target.isFile()) return 'not-a-file'
  }
  return isExecutable(path) ? undefined : 'not-executable'
}

function tryStat(path: string) {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}
