import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** One finished command: wall and CPU time of all its processes in ms, and its greatest memory in MiB. */
export interface Measured {
  readonly wallMs: number
  readonly cpuMs: number
  readonly peakMiB: number
}

/** Runs a command to its end and measures it with time(1) of GNU; a command that fails is an error with its last words. */
export async function measure(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Measured> {
  const started = performance.now()
  const child = spawn('/usr/bin/time', ['-f', '%U %S %M', '-q', ...argv], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-4000)))
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${words}`)
  const [user = 0, system = 0, peakKiB = 0] = words.trimEnd().split('\n').at(-1)!.split(' ').map(Number)
  return { wallMs: performance.now() - started, cpuMs: (user + system) * 1000, peakMiB: peakKiB / 1024 }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
