import { readFile } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { HASH_BYTES } from './chunks.ts'

/**
 * The journal of a copy: a record for each chunk that is done, appended after the chunk's data is in the file. It outlives the process, and
 * as far as the last `sync` record says a power cut too.
 */
export type JournalRecord =
  /** The chunk is as in the generation before. */
  | { readonly kind: 'same'; readonly chunk: number }
  /** `mask` has a bit for each cluster of the chunk that was stored; they lie one after another from `cluster` on. The others are zero. */
  | { readonly kind: 'stored'; readonly chunk: number; readonly cluster: number; readonly mask: number; readonly hash: Uint8Array }
  /** All records before this length of the journal have their data on stable storage. */
  | { readonly kind: 'sync'; readonly length: number }

export const RECORD_BYTES = 56
const CHECKED_BYTES = RECORD_BYTES - 8
const HASH_AT = 16
const KINDS = { same: 0x53_41_4d_45, stored: 0x53_54_4f_52, sync: 0x53_59_4e_43 } as const

export function encodeRecord(record: JournalRecord): Buffer {
  const bytes = Buffer.alloc(RECORD_BYTES)
  bytes.writeUInt32BE(KINDS[record.kind], 0)
  if (record.kind === 'sync') bytes.writeBigUInt64BE(BigInt(record.length), 8)
  else bytes.writeUInt32BE(record.chunk, 4)
  if (record.kind === 'stored') {
    bytes.writeUInt32BE(record.cluster, 8)
    bytes.writeUInt32BE(record.mask, 12)
    bytes.set(record.hash, HASH_AT)
  }
  bytes.writeUInt32BE(crc32(bytes.subarray(0, CHECKED_BYTES)), CHECKED_BYTES)
  return bytes
}

/**
 * The records that count, and the length of the journal that holds them. What a cut-off write left at the end does not count; after a power
 * cut (`isSameBoot` false) neither does what was not synced.
 */
export async function readJournal(file: string, isSameBoot: boolean): Promise<{ records: JournalRecord[]; length: number }> {
  const bytes = await readFile(file)
  const records: JournalRecord[] = []
  let synced = 0
  for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
    const record = decodeRecord(bytes.subarray(at, at + RECORD_BYTES))
    if (record === undefined) break
    if (record.kind === 'sync') synced = Math.min(record.length, at)
    records.push(record)
  }
  if (!isSameBoot) records.length = Math.floor(synced / RECORD_BYTES)
  return { records, length: records.length * RECORD_BYTES }
}

function decodeRecord(bytes: Buffer): JournalRecord | undefined {
  if (crc32(bytes.subarray(0, CHECKED_BYTES)) !== bytes.readUInt32BE(CHECKED_BYTES)) return undefined
  const chunk = bytes.readUInt32BE(4)
  switch (bytes.readUInt32BE(0)) {
    case KINDS.same:
      return { kind: 'same', chunk }
    case KINDS.stored: {
      const hash = bytes.subarray(HASH_AT, HASH_AT + HASH_BYTES)
      return { kind: 'stored', chunk, cluster: bytes.readUInt32BE(8), mask: bytes.readUInt32BE(12), hash }
    }
    case KINDS.sync:
      return { kind: 'sync', length: Number(bytes.readBigUInt64BE(8)) }
    default:
      return undefined
  }
}
