import { open, readFile, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from '@instar/machine'
import * as z from 'zod/mini'
import { replay, type CopyState } from './copy/copy-state.ts'
import { readJournal } from './copy/journal.ts'
import { Generation, nameOf, readRecord } from './replica-record.ts'

/** A generation under way: what it is made from, and whether it is whole and only has to be put in its place. */
export const Incoming = z.strictObject({
  version: z.literal(1),
  number: z.int(),
  /** The generation that it is based on. */
  base: z.nullable(z.int()),
  virtual_bytes: z.int(),
  is_hashing: z.boolean(),
  /** Of the source, when the copy began. */
  fingerprint: z.nullable(z.string()),
  /** What changes from when the copy began is noted here. */
  bitmap: z.nullable(z.string()),
  /** What is copied was noted here. */
  bitmap_since: z.nullable(z.string()),
  boot_id: z.string(),
  /** Present when the copy is done. */
  generation: z.optional(Generation),
})
export type Incoming = z.infer<typeof Incoming>

export interface IncomingFiles {
  readonly record: string
  readonly data: string
  readonly journal: string
  readonly hashes: string
}

export function incomingFiles(folder: string, number: number): IncomingFiles {
  const place = join(folder, `${nameOf(number)}.incoming`)
  return { record: join(folder, 'incoming.json'), data: place, journal: `${place}.journal`, hashes: `${place}.hashes` }
}

export async function readIncoming(folder: string): Promise<Incoming | undefined> {
  return await readRecord(join(folder, 'incoming.json'), Incoming)
}

export async function writeIncoming(file: string, record: Incoming): Promise<void> {
  await writeDurably(file, `${JSON.stringify(record)}\n`)
}

export async function removeIncoming(files: IncomingFiles): Promise<void> {
  for (const file of [files.record, files.journal, files.data, files.hashes]) await rm(file, { force: true })
}

/**
 * Goes on with an attempt that was cut off, or begins anew; gives how many records of the journal count. An attempt at another state of the
 * source goes on only where hashes tell which of its chunks are still right.
 */
export async function enterAttempt(files: IncomingFiles, { wanted, earlier, state }: Attempt): Promise<number> {
  const isSameSource = wanted.fingerprint !== null && wanted.fingerprint === earlier?.fingerprint
  if (earlier === undefined || !isSameWork(wanted, earlier) || !(isSameSource || wanted.is_hashing)) {
    await removeIncoming(files)
    await writeIncoming(files.record, wanted)
    for (const file of [files.data, files.journal]) await (await open(file, 'w', 0o600)).close()
    return 0
  }
  // Killed right after its record was written, the earlier attempt has made no files yet.
  for (const file of [files.data, files.journal]) await (await open(file, 'a', 0o600)).close()
  const { records, length } = await readJournal(files.journal, earlier.boot_id === wanted.boot_id)
  await truncate(files.journal, length)
  replay(state, records, { skip: isSameSource, hasBase: wanted.base !== null })
  await writeIncoming(files.record, wanted)
  return records.length
}

export interface Attempt {
  readonly wanted: Incoming
  readonly earlier: Incoming | undefined
  readonly state: CopyState
}

function isSameWork(a: Incoming, b: Incoming): boolean {
  return (
    a.number === b.number &&
    a.base === b.base &&
    a.virtual_bytes === b.virtual_bytes &&
    a.is_hashing === b.is_hashing &&
    a.bitmap_since === b.bitmap_since
  )
}

/** Numbers of processes and the cache of files are those of one boot of the host. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
}
