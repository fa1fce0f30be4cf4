import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InstarError } from '@instar/contract'
import { writeDurably } from '@instar/machine'
import * as z from 'zod/mini'

/** One state of a disk as it was at an execution. Its file is never changed. */
export const Generation = z.strictObject({
  number: z.int().check(z.positive()),
  /** The execution that made it. */
  execution_id: z.string(),
  created_at: z.iso.datetime(),
  virtual_bytes: z.int(),
  /** Of the source. */
  read_bytes: z.int(),
  /** Of guest data, to the replica. */
  written_bytes: z.int(),
  /** The bitmap at the source that has what changed since. */
  bitmap: z.nullable(z.string()),
  verified: z.boolean(),
})
export type Generation = z.infer<typeof Generation>

/** What `replica.json` in the folder of a replicated disk holds: which of the files beside it are whole. */
export const ReplicaRecord = z.strictObject({
  version: z.literal(1),
  disk_id: z.string(),
  chunk_bytes: z.int(),
  /** The oldest first. The file of number 7 is `0007.qcow2`; the hashes of the newest lie in `0007.hashes`. */
  generations: z.array(Generation),
})
export type ReplicaRecord = z.infer<typeof ReplicaRecord>

const RECORD_FILE = 'replica.json'

export function imageFile(folder: string, number: number): string {
  return join(folder, `${nameOf(number)}.qcow2`)
}

export function hashFileOf(folder: string, number: number): string {
  return join(folder, `${nameOf(number)}.hashes`)
}

export function nameOf(number: number): string {
  return String(number).padStart(4, '0')
}

/** The record; `undefined` where no execution has been completed. One that cannot be read is `replication.damaged`. */
export async function readReplicaRecord(folder: string): Promise<ReplicaRecord | undefined> {
  return await readRecord(join(folder, RECORD_FILE), ReplicaRecord)
}

export async function writeReplicaRecord(folder: string, record: ReplicaRecord): Promise<void> {
  await writeDurably(join(folder, RECORD_FILE), `${JSON.stringify(record, undefined, 2)}\n`)
}

/** A small JSON file of a replica's folder; `undefined` where there is none. */
export async function readRecord<T>(file: string, schema: z.ZodMiniType<T>): Promise<T | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const parsed = schema.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  throw new InstarError('replication.damaged', `${file} is no record of a replica: ${z.prettifyError(parsed.error)}`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
