import type { Readable } from 'node:stream'
import { InstarError } from '@instar/contract/errors'
import type { RunOptions } from '../machine.ts'

const TAIL_BYTES = 4096

/** Reads a stream to its end, a piece at a time: the next one is taken only when the last was dealt with. */
export async function drain(
  stream: Readable,
  to: { onPiece: RunOptions['onStdout']; captureBytes: number | undefined },
): Promise<{ tail: string; whole: Buffer; bytes: number }> {
  let tail = Buffer.alloc(0)
  let bytes = 0
  const pieces: Buffer[] = []
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length
    tail = Buffer.concat([tail, piece.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES)
    if (to.captureBytes !== undefined) {
      if (bytes > to.captureBytes)
        throw new InstarError('machine.too-much-output', `the command printed more than ${to.captureBytes} bytes`)
      pieces.push(piece)
    }
    await to.onPiece?.(piece)
  }
  return { tail: tail.toString(), whole: Buffer.concat(pieces), bytes }
}
