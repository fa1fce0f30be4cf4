import { join } from 'node:path'
import { exitCodeOf, formatError, reportError } from '@instar/phases/text'
import type { Context } from './context.ts'
import { resolvePaths } from './paths.ts'
import { runProgram } from './program.ts'

// For tests: a command line with a world of its own.

export interface TestProgram {
  readonly written: { stdout: string; stderr: string }
  readonly context: Context
  /** Throws what the command throws. */
  readonly run: () => Promise<number>
  /** As main.ts runs it: errors are printed, and give their exit code. */
  readonly runAndReport: () => Promise<number>
}

interface World {
  /** Folder below which state and cache lie. */
  readonly dir: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal
  readonly now?: () => Date
}

export function createTestProgram({ dir, env = {}, signal, now }: World, argv: readonly string[]): TestProgram {
  const written = { stdout: '', stderr: '' }
  const output = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => void (written[name] += text),
    writeBytes: async (bytes: Uint8Array) => void (written[name] += Buffer.from(bytes).toString()),
    isTerminal: false,
    columns: 80,
  })
  const context: Context = {
    paths: resolvePaths({ INSTAR_STATE_DIR: join(dir, 'state'), INSTAR_CACHE_DIR: join(dir, 'cache') }, 1000),
    signal: signal ?? new AbortController().signal,
    stdout: output('stdout'),
    stderr: output('stderr'),
    now: now ?? (() => new Date('2026-01-02T03:04:05Z')),
    argv,
    cwd: dir,
    isRoot: false,
    env,
  }
  const run = () => runProgram(context)
  const runAndReport = async () => {
    try {
      return await run()
    } catch (error) {
      context.stderr.write(`${formatError(reportError(error))}\n`)
      return exitCodeOf(error)
    }
  }
  return { written, context, run, runAndReport }
}
