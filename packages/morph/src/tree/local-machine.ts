import { spawn } from 'node:child_process'
import { finished } from 'node:stream/promises'
import type { Machine, RunOptions, RunResult } from '@instar/machine'

/** For tests: runs commands right here. It knows `run` only, and takes the guest for a folder of this machine. */
export function localMachine(): Machine {
  return { name: 'local', isEmulated: false, devices: [], run } as Partial<Machine> as Machine
}

async function run(argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const startedAt = new Date()
  const child = spawn(argv[0]!, argv.slice(1), {
    cwd: options.cwd,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    signal: options.signal,
  })
  const failed = new Promise<never>((_, reject) => child.once('error', reject))
  const exited = new Promise<number | null>(resolve => child.once('close', resolve))
  // A command that reads no input may be gone before it is written.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.stdin ?? '')
  const stderr: Buffer[] = []
  const stdout: Buffer[] = []
  child.stderr.on('data', (piece: Buffer) => stderr.push(piece))
  const output = (async () => {
    for await (const piece of child.stdout as AsyncIterable<Buffer>) {
      if (options.captureBytes !== undefined) stdout.push(piece)
      await options.onStdout?.(piece)
    }
  })()
  await Promise.race([Promise.all([output, finished(child.stderr, { writable: false })]), failed])
  const exitCode = await Promise.race([exited, failed])
  return {
    argv,
    exitCode,
    signal: null,
    timedOut: false,
    startedAt,
    endedAt: new Date(),
    stdoutTail: '',
    stderrTail: Buffer.concat(stderr).toString(),
    stdout: Buffer.concat(stdout),
    stdoutBytes: 0,
    stderrBytes: 0,
    survivors: [],
  }
}
