import { InstarError } from '@instar/contract'
import type { Machine, RunOptions, RunResult } from '@instar/machine'

/** Runs a command on the machine; an exit code other than 0 is `boot.command-failed` with the command's last words. */
export async function runOrThrow(machine: Machine, argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const result = await machine.run(argv, options)
  if (result.exitCode === 0) return result
  const how = result.timedOut ? 'did not finish in time' : `ended with ${result.exitCode ?? result.signal}`
  throw new InstarError('boot.command-failed', `${argv.join(' ')} on ${machine.name} ${how}: ${result.stderrTail.trim()}`, {
    details: { argv, exitCode: result.exitCode },
  })
}

/** Bytes that root can still write in the file system of a path. */
export async function freeBytes(machine: Machine, path: string, signal: AbortSignal): Promise<number> {
  const { stdoutTail } = await runOrThrow(machine, ['stat', '--file-system', '--format=%f %S', path], { signal })
  const [blocks = 0, size = 0] = stdoutTail.trim().split(' ').map(Number)
  return blocks * size
}
