import { Buffer } from 'node:buffer'
import { spawn } from 'node:child_process'
import type { Unpacked } from './unpacked.ts'
import { damaged } from './unpacked.ts'

export interface HostProgram {
  readonly argv: readonly [string, ...string[]]
  readonly debianPackage: string
}

interface FilterOptions {
  readonly maxBytes: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Accept output when the program complains afterwards: what follows the stream is not its own. */
  readonly toleratesRest: boolean
}

/** Runs a program of this host as a filter over untrusted bytes: fixed arguments, bounded output and time, ended with the signal. */
export async function filterThrough(program: HostProgram, input: Buffer, options: FilterOptions): Promise<Unpacked> {
  const [name, ...args] = program.argv
  const limit = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)])
  const { promise, resolve } = Promise.withResolvers<Unpacked>()
  const pieces: Buffer[] = []
  let total = 0
  const child = spawn(name, args, {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'ignore'],
    signal: limit,
    killSignal: 'SIGKILL',
  })
  child.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') resolve({ kind: 'no-program', program: name, debianPackage: program.debianPackage })
    else
      resolve(damaged(limit.aborted ? `${name} did not finish within ${options.timeoutMs} ms` : `${name} could not run: ${error.message}`))
  })
  // A program that stops reading early closes the pipe; its exit code tells the rest.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  child.stdout.on('data', (piece: Buffer) => {
    total += piece.length
    if (total <= options.maxBytes) {
      pieces.push(piece)
      return
    }
    resolve({ kind: 'too-big', maxBytes: options.maxBytes })
    child.kill('SIGKILL')
  })
  child.on('close', code => {
    const good = code === 0 || (options.toleratesRest && total > 0)
    resolve(
      good
        ? { kind: 'ok', data: Buffer.concat(pieces), consumedBytes: input.length }
        : damaged(`${name} refused the stream (exit ${code})`),
    )
  })
  const result = await promise
  options.signal.throwIfAborted()
  return result
}
