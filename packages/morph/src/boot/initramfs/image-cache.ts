import type { Machine } from '@instar/machine'
import type { InitramfsReading } from './read.ts'

/**
 * What each file is, then when it was changed; the folder of the process that asks is as old as this moment. Times in seconds, as some file
 * systems keep no finer ones.
 */
const STAT = ['stat', '-L', '--printf', String.raw`%d %i %s %Y %Z\n`, '--', '/proc/self/.']
/** A file may change once more within the second of its last change, and look the same. */
const SETTLED_S = 2

interface Stamp {
  readonly text: string
  readonly isSettled: boolean
}

/** Remembers what images of the guest held, for as long as the files stay as they are: a morph looks at them before and after its work. */
export class ImageCache {
  readonly #known = new Map<string, InitramfsReading | undefined>()
  readonly #machine: Machine

  constructor(machine: Machine) {
    this.#machine = machine
  }

  /** `paths` are on the machine. */
  async read(
    paths: readonly string[],
    { signal, read }: { signal: AbortSignal; read: () => Promise<InitramfsReading | undefined> },
  ): Promise<InitramfsReading | undefined> {
    if (paths.length === 0) return await read()
    const stamp = await this.#stamp(paths, signal)
    if (stamp === undefined) return await read()
    if (this.#known.has(stamp.text)) return this.#known.get(stamp.text)
    const reading = await read()
    if (stamp.isSettled) this.#known.set(stamp.text, reading)
    return reading
  }

  async #stamp(paths: readonly string[], signal: AbortSignal): Promise<Stamp | undefined> {
    const result = await this.#machine.run([...STAT, ...paths], { signal, captureBytes: 65_536 })
    if (result.exitCode !== 0) return undefined
    const [now = '', ...files] = result.stdout.toString().trimEnd().split('\n')
    const secondsOf = (line: string): number[] => line.split(' ').slice(3).map(Number)
    const before = Math.min(...secondsOf(now)) - SETTLED_S
    return { text: [...paths, ...files].join('\n'), isSettled: files.every(line => Math.max(...secondsOf(line)) < before) }
  }
}
