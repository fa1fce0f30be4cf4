import { hash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { readFile } from 'node:fs/promises'
import { HASH_BYTES } from './copy/chunks.ts'

const MAGIC = 'INSTAR-HASHES-1\n'

/** Keeps the hashes of a generation's chunks, to find by them what has changed the next time. */
export async function writeHashes(file: string, hashes: Uint8Array): Promise<void> {
  await using handle = await open(file, 'w', 0o600)
  // A copy: what other threads can see is not written from directly.
  const table = Buffer.from(hashes)
  await handle.writeFile(Buffer.concat([Buffer.from(MAGIC, 'latin1'), hash('sha256', table, 'buffer'), table]))
  await handle.sync()
}

/** The table of so many chunks; `undefined` where it is missing or damaged: it can be made again from the replica. */
export async function readHashes(file: string, chunks: number): Promise<Uint8Array | undefined> {
  const bytes = await readFile(file).catch(() => undefined)
  const start = MAGIC.length + HASH_BYTES
  if (bytes === undefined || bytes.length !== start + chunks * HASH_BYTES || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC)
    return undefined
  const table = bytes.subarray(start)
  return bytes.subarray(MAGIC.length, start).equals(hash('sha256', table, 'buffer')) ? table : undefined
}
