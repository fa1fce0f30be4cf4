import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One finished command: wall and CPU time of all its processes in ms, and its greatest memory in MiB. */
export interface Measured {
  readonly wallMs: number
  readonly cpuMs: number
  readonly peakMiB: number
}

const LAST_WORDS = 4000

/**
 * Runs a command to its end and measures it with time(1) of GNU; a command that fails is an error with its last words. Its stderr is a file: who
 * reads a pipe takes time from the command.
 */
export async function measure(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'instar-measure-'))
  const [figures, stderr] = [join(folder, 'figures'), join(folder, 'stderr')]
  const fd = openSync(stderr, 'w')
  try {
    const started = performance.now()
    const child = spawn('/usr/bin/time', ['-f', '%U %S %M', '-q', '-o', figures, ...argv], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', fd],
    })
    const [code] = (await once(child, 'close')) as [number]
    const wallMs = performance.now() - started
    if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${readFileSync(stderr, 'utf8').slice(-LAST_WORDS)}`)
    const [user = 0, system = 0, peakKiB = 0] = readFileSync(figures, 'utf8').trim().split(' ').map(Number)
    return { wallMs, cpuMs: (user + system) * 1000, peakMiB: peakKiB / 1024 }
  } finally {
    closeSync(fd)
    rmSync(folder, { recursive: true })
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
