import { readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { InstarError } from '@instar/contract'
import type { ImageFormat } from '../machine.ts'
import { syncFolder, writeDurably } from './durable.ts'
import type { FileIdentity } from './image-file.ts'

/** Says that a layer outlives the run that made it, and what it belongs to. */
export interface KeepRecord {
  readonly version: 1
  readonly run_id: string
  /** `error`: for `--resume` and `instar shell`; `commit`: a commit of it has begun. */
  readonly reason: 'error' | 'commit'
  readonly kept_at: string
  /** Place of the disk among those of the machine. */
  readonly order: number
  readonly image: {
    readonly path: string
    readonly format: ImageFormat
    readonly virtual_bytes: number
    readonly identity: FileIdentity
    /** All files that it may refer to. */
    readonly allow_backing: readonly string[]
  }
  readonly layer_virtual_bytes: number
}

export const KEEP_FILE = 'keep.json'

export async function writeKeepRecord(directory: string, record: KeepRecord): Promise<void> {
  await writeDurably(join(directory, KEEP_FILE), `${JSON.stringify(record, undefined, 2)}\n`)
}

/** `undefined` for a layer that is not kept. A record that cannot be read keeps its layer: throws `image.commit-refused`. */
export async function readKeepRecord(directory: string): Promise<KeepRecord | undefined> {
  const file = join(directory, KEEP_FILE)
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    const record: unknown = JSON.parse(text)
    if (isKeepRecord(record)) return record
  } catch {
    // Told below, as any other content that is not a record.
  }
  throw new InstarError('image.commit-refused', `${file} is no record of a kept layer`, {
    hint: 'Remove its folder if nothing needs the layer.',
  })
}

function isKeepRecord(value: unknown): value is KeepRecord {
  const record = (value ?? {}) as Partial<Record<keyof KeepRecord, unknown>>
  const image = (record.image ?? {}) as Partial<Record<keyof KeepRecord['image'], unknown>>
  const identity = (image.identity ?? {}) as Partial<Record<keyof FileIdentity, unknown>>
  const texts = [record.run_id, record.kept_at, image.path, image.format, identity.inode, identity.modifiedNs]
  const numbers = [record.order, record.layer_virtual_bytes, image.virtual_bytes, identity.sizeBytes]
  return (
    record.version === 1 &&
    (record.reason === 'error' || record.reason === 'commit') &&
    texts.every(text => typeof text === 'string') &&
    numbers.every(number => Number.isSafeInteger(number)) &&
    Array.isArray(image.allow_backing) &&
    image.allow_backing.every(path => typeof path === 'string')
  )
}

/** True also for a record that cannot be read. */
export async function isKept(directory: string): Promise<boolean> {
  return await readKeepRecord(directory).then(
    record => record !== undefined,
    () => true,
  )
}

/** From here on the layer is removed with, or after, the run that owns it. */
export async function releaseKept(directory: string): Promise<void> {
  try {
    await unlink(join(directory, KEEP_FILE))
    await syncFolder(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
