import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InstarError } from '@instar/contract'
import { chainOf, lockReplica } from '../../replication/open-replica.ts'
import { imageFile, readReplicaRecord } from '../../replication/replica-record.ts'
import type { Volume } from '../disks.ts'
import type { Own } from '../provider.ts'
import type { DiskImagesTask } from './destination.ts'
import { holdChain, namesIn, replicaFolder } from './places.ts'
import { deleteReplica } from './volumes.ts'

/** A generation that a deployment works from, held by links in a folder of the replica: no later execution can merge it away. */
export interface Snapshot {
  readonly generation: number
  readonly folder: string
}

const PREFIX = 'snapshot-'
/** Marks a snapshot whose machine has become the replica's only owner (`clone_disks: false`). */
const TAKEN_FILE = 'taken'

/** Holds the newest generation of each volume under the key of the deployment. */
export async function createSnapshots(call: DiskImagesTask, volumes: readonly Volume[]): Promise<readonly Volume[]> {
  const held: Volume[] = []
  for (const volume of volumes) {
    const folder = join(replicaFolder(volume), `${PREFIX}${call.key}`)
    await using _lock = await lockReplica(replicaFolder(volume), 'shared')
    const newest = (await readReplicaRecord(replicaFolder(volume)))?.generations.at(-1)
    if (newest === undefined) throw new InstarError('provider.failed', `the disk ${volume.disk_id} has no replica yet`)
    await holdChain(await chainOf(replicaFolder(volume), newest.number), folder, call.signal)
    held.push({ ...volume, snapshot: { generation: newest.number, folder } satisfies Snapshot })
  }
  return held
}

/** Lets go of what was held; a replica whose disks have become a machine's goes altogether. */
export async function deleteSnapshots(call: DiskImagesTask, volumes: readonly Volume[]): Promise<readonly Volume[]> {
  for (const volume of volumes) {
    if (await isTaken(join(replicaFolder(volume), `${PREFIX}${call.key}`))) await deleteReplica(replicaFolder(volume))
    else await release(call, volume)
  }
  return volumes.map(withoutSnapshot)
}

/** Generations are never changed, so there is nothing to write back. */
export async function restoreSnapshots(call: DiskImagesTask, volumes: readonly Volume[]): Promise<readonly Volume[]> {
  for (const volume of volumes) await release(call, volume)
  return volumes.map(withoutSnapshot)
}

/** From here on the replica belongs to a machine: it is deleted with its snapshot. */
export async function takeReplica(folder: string): Promise<void> {
  await writeFile(join(folder, TAKEN_FILE), '')
}

export async function giveReplicaBack(folder: string): Promise<void> {
  await rm(join(folder, TAKEN_FILE), { force: true })
}

/** The file of a snapshot that a machine's disk is based on. */
export function snapshotImage(volume: Volume): string {
  const { generation, folder } = snapshotOf(volume)
  return imageFile(folder, generation)
}

export function snapshotOf(volume: Own): Snapshot {
  const snapshot = volume['snapshot'] as Snapshot | undefined
  if (typeof snapshot?.folder === 'string' && Number.isInteger(snapshot.generation)) return snapshot
  throw new InstarError('internal.bug', `the disk ${String(volume['disk_id'])} has no snapshot`)
}

/** Also those of which the volume itself knows nothing: a half-done task made them. */
async function release(call: DiskImagesTask, volume: Volume): Promise<void> {
  for (const name of await namesIn(replicaFolder(volume), `${PREFIX}${call.key}`)) {
    await rm(join(replicaFolder(volume), name), { recursive: true, force: true })
  }
}

function withoutSnapshot(volume: Volume): Volume {
  const { snapshot: _gone, ...rest } = volume
  return rest
}

async function isTaken(folder: string): Promise<boolean> {
  return await stat(join(folder, TAKEN_FILE)).then(
    () => true,
    () => false,
  )
}
