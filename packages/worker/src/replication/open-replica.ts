import { chmod, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { InstarError } from '@instar/contract'
import { allowedPlaces, readChain, syncFolder, takeLocks, type ImageLink } from '@instar/machine'
import { incomingFiles, readIncoming, removeIncoming, type Incoming } from './incoming.ts'
import { hashFileOf, imageFile, readReplicaRecord, writeReplicaRecord, type Generation, type ReplicaRecord } from './replica-record.ts'
import { CHUNK_BYTES } from './copy/chunks.ts'

/** The replica of one disk: a folder of generations, locked for us. */
export interface Replica extends AsyncDisposable {
  readonly folder: string
  record: ReplicaRecord
  /** A generation that was cut off, to go on with. */
  earlier: Incoming | undefined
}

const LOCK_FILE = 'replica.lock'

/**
 * Opens the replica of a disk for one writer, made at need; `image.in-use` when another one has it. What a killed execution left is finished
 * (a generation that was whole) or removed (files that belong to none).
 */
export async function openReplica(folder: string, diskId: string): Promise<Replica> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await using stack = new AsyncDisposableStack()
  stack.use(await lockReplica(folder, 'exclusive'))
  const record = (await readReplicaRecord(folder)) ?? { version: 1, disk_id: diskId, chunk_bytes: CHUNK_BYTES, generations: [] }
  if (record.disk_id !== diskId) throw damaged(folder, `holds the disk ${record.disk_id}, not ${diskId}`)
  if (record.chunk_bytes !== CHUNK_BYTES) throw damaged(folder, `has chunks of ${record.chunk_bytes} bytes, not ${CHUNK_BYTES}`)
  const incoming = await readIncoming(folder)
  const replica = { folder, record, earlier: incoming?.generation === undefined ? incoming : undefined }
  if (incoming?.generation !== undefined) await publish(replica, incoming.generation)
  await sweepFolder(replica)
  const held = stack.move()
  return Object.assign(replica, { [Symbol.asyncDispose]: () => held.disposeAsync() })
}

/** For who only reads generations: no writer merges or removes files meanwhile. */
export async function lockReplica(folder: string, mode: 'shared' | 'exclusive'): Promise<AsyncDisposable> {
  const file = join(folder, LOCK_FILE)
  await (await open(file, 'a', 0o600)).close()
  return await takeLocks([file], mode)
}

/** Puts a generation that is whole into its place. May be cut off anywhere and done again. */
export async function publish(replica: Pick<Replica, 'folder' | 'record' | 'earlier'>, generation: Generation): Promise<void> {
  const { folder } = replica
  const files = incomingFiles(folder, generation.number)
  const file = imageFile(folder, generation.number)
  await renameIfThere(files.data, file)
  await renameIfThere(files.hashes, hashFileOf(folder, generation.number))
  await chmod(file, 0o400)
  await syncFolder(folder)
  if (!replica.record.generations.some(({ number }) => number === generation.number)) {
    replica.record = { ...replica.record, generations: [...replica.record.generations, generation] }
    await writeReplicaRecord(folder, replica.record)
  }
  await removeIncoming(files)
  replica.earlier = undefined
}

/** The files of a generation, the newest first. Their order is told by the files themselves. */
export async function chainOf(folder: string, number: number): Promise<readonly ImageLink[]> {
  const { links } = await readChain(imageFile(folder, number), 'qcow2', await allowedPlaces([folder]))
  return links
}

/** Files of no generation: of merges and attempts that were cut off, and hashes of older generations, which nothing asks for any more. */
export async function sweepFolder({ folder, record, earlier }: Pick<Replica, 'folder' | 'record' | 'earlier'>): Promise<void> {
  const newest = record.generations.at(-1)
  const needed = new Set<string>()
  if (newest !== undefined) {
    for (const link of await chainOf(folder, newest.number)) needed.add(link.path)
    needed.add(hashFileOf(folder, newest.number))
  }
  if (earlier !== undefined) for (const file of Object.values(incomingFiles(folder, earlier.number))) needed.add(file)
  for (const name of await readdir(folder)) {
    const file = join(folder, name)
    if (/^\d{4,}\.(qcow2|hashes|merged|incoming(\.journal|\.hashes)?)$/.test(name) && !needed.has(file)) await rm(file)
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

function damaged(folder: string, why: string): InstarError {
  return new InstarError('replication.damaged', `the replica in ${folder} ${why}`)
}
