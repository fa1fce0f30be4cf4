import { read } from 'node:fs'
import { promisify } from 'node:util'
import { STRETCH_NUMBERS, type NbdClient } from '@instar/machine/nbd'
import type { PlainFiles } from './thread-job.ts'

const readFile = promisify(read)

/**
 * What one request asks of QEMU. qemu-nbd takes memory for each, and gives that of larger ones back to the system every time: reads of 1 MiB
 * cost it 1.0 s of CPU for a GiB, reads of 256 KiB 0.35.
 */
const REQUEST_BYTES = 256 * 1024

/** Reads the disk of a source: past QEMU where its data lies in a file as it is, through QEMU what is left. */
export class SourceReader {
  readonly #client: NbdClient
  readonly #plain: PlainFiles

  constructor(client: NbdClient, plain: PlainFiles = { fds: [], stretches: new Float64Array() }) {
    this.#client = client
    this.#plain = plain
  }

  /** Fills `target` with the bytes from `offset` on. */
  async read(offset: number, target: Buffer): Promise<void> {
    const { fds, stretches } = this.#plain
    const end = offset + target.length
    const reads: Promise<void>[] = []
    const part = (from: number, to: number) => target.subarray(from - offset, to - offset)
    let at = offset
    for (let index = firstEndingAfter(stretches, offset); index < stretches.length && at < end; index += STRETCH_NUMBERS) {
      const [begin = 0, stretchEnd = 0, file = 0, place = 0] = stretches.subarray(index, index + STRETCH_NUMBERS)
      const [from, to] = [Math.max(at, begin), Math.min(end, stretchEnd)]
      if (from >= end) break
      reads.push(...this.#ask(at, part(at, from)), this.#readPlain({ fd: fds[file]!, place: place + from - begin }, from, part(from, to)))
      at = to
    }
    await Promise.all([...reads, ...this.#ask(at, part(at, end))])
  }

  /** A file that cannot be read, or is shorter than its map says, is QEMU's to judge. */
  async #readPlain(source: { fd: number; place: number }, offset: number, target: Buffer): Promise<void> {
    const { bytesRead } = await readFile(source.fd, target, 0, target.length, source.place).catch(() => ({ bytesRead: 0 }))
    if (bytesRead < target.length) await Promise.all(this.#ask(offset + bytesRead, target.subarray(bytesRead)))
  }

  #ask(offset: number, target: Buffer): Promise<void>[] {
    const asked: Promise<void>[] = []
    for (let at = 0; at < target.length; at += REQUEST_BYTES)
      asked.push(this.#client.read(offset + at, target.subarray(at, at + REQUEST_BYTES)))
    return asked
  }
}

function firstEndingAfter(stretches: Float64Array, offset: number): number {
  let [low, high] = [0, stretches.length / STRETCH_NUMBERS]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (stretches[middle * STRETCH_NUMBERS + 1]! > offset) high = middle
    else low = middle + 1
  }
  return low * STRETCH_NUMBERS
}
