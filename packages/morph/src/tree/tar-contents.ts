import { once } from 'node:events'
import { InstarError } from '@instar/contract'
import tar from 'tar-stream'

/** Takes a tar stream piece by piece and gives each file whole. Names are bytes, one character each, as everywhere in the tree. */
export interface TarReader {
  /** A promise that is returned asks the sender to wait. */
  add(piece: Buffer): Promise<void> | undefined
  /** Resolves when all was read; `guest.load-failed` when the stream ends too early or is no tar. */
  end(): Promise<void>
}

export function readTar(onFile: (name: string, content: Buffer) => void): TarReader {
  const extract = tar.extract({ filenameEncoding: 'latin1' })
  const finished = once(extract, 'finish').catch((cause: unknown) => {
    throw new InstarError('guest.load-failed', "the minion sent the guest's files as a tar stream that cannot be read", { cause })
  })
  // Waited for in `end`; until then a failure must not count as unhandled.
  finished.catch(() => undefined)
  extract.on('entry', (header, stream, next) => {
    const chunks: Buffer[] = []
    // A stream that is cut off in mid-file fails here and in `finished`, which is the one that is looked at.
    stream.on('error', () => undefined)
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      if (header.type === 'file') onFile(header.name, Buffer.concat(chunks))
      next()
    })
  })
  return {
    add: piece => (extract.write(piece) ? undefined : Promise.race([drained(extract), finished]).then(() => undefined)),
    async end() {
      extract.end()
      await finished
    },
  }
}

/** Not `once` of node:events, which would reject with the stream's own error in front of ours. */
function drained(stream: tar.Extract): Promise<void> {
  return new Promise(resolve => stream.once('drain', () => resolve()))
}
