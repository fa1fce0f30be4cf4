import { createHash } from 'node:crypto'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { InstarError } from '@instar/contract'
import { makeFolder } from '@instar/machine'
import { lockReplica } from '../../replication/open-replica.ts'
import { readReplicaRecord } from '../../replication/replica-record.ts'
import { replicateDisk } from '../../replication/replicate-disk.ts'
import type { VolumesRequest } from '../destination-half.ts'
import type { DestinationDisk, SourceDisk, Volume } from '../disks.ts'
import { chooseStorage, namesIn, replicaFolder, replicasIn, storageFolders } from './places.ts'
import type { DiskImagesTask } from './destination.ts'

const DAY_MS = 24 * 3600 * 1000

/** A folder for the replica of each disk that has none yet. */
export async function deployDisks(call: DiskImagesTask, { exportInfo, volumes }: VolumesRequest): Promise<readonly Volume[]> {
  call.signal.throwIfAborted()
  const known = new Map(volumes.map(volume => [volume.disk_id, volume]))
  const made: Volume[] = []
  for (const disk of exportInfo.devices.disks) {
    const folder = join(replicasIn(chooseStorage(call.connection, call.storageMappings, disk)), `${call.key}-${nameOfDisk(disk.id)}`)
    const volume = known.get(disk.id) ?? { disk_id: disk.id, replica_folder: folder }
    await makeFolder(replicaFolder(volume), 0o700)
    made.push(volume)
  }
  // A disk that the machine no longer has keeps its replica until the disks of the transfer are deleted.
  return [...made, ...volumes.filter(({ disk_id }) => !exportInfo.devices.disks.some(({ id }) => id === disk_id))]
}

/** Removes the folders that were made under the key and are not known. */
export async function discardDisks(call: DiskImagesTask, known: readonly Volume[]): Promise<void> {
  const kept = new Set(known.map(replicaFolder))
  for (const storage of storageFolders(call.connection).values()) {
    for (const name of await namesIn(replicasIn(storage), `${call.key}-`)) {
      const folder = join(replicasIn(storage), name)
      if (!kept.has(folder)) await rm(folder, { recursive: true, force: true })
    }
  }
}

/** Machines that were made of the replicas hold what they need by links of their own. */
export async function deleteDisks(volumes: readonly Volume[]): Promise<void> {
  for (const volume of volumes) await deleteReplica(replicaFolder(volume))
}

export async function deleteReplica(folder: string): Promise<void> {
  if (!(await isThere(folder))) return
  await using _lock = await lockReplica(folder, 'exclusive')
  await rm(folder, { recursive: true, force: true })
}

/** Throws where a volume has no generation to make a machine of. */
export async function requireReplicas(volumes: readonly Volume[]): Promise<void> {
  for (const volume of volumes) {
    const record = await readReplicaRecord(replicaFolder(volume))
    if (record === undefined || record.generations.length === 0) {
      throw new InstarError('provider.failed', `the replica of the disk ${volume.disk_id} in ${replicaFolder(volume)} is not there`, {
        hint: 'Execute the transfer: it copies the disk anew.',
      })
    }
  }
}

/** The destination of a copy. */
export function openDestinationDisk(call: DiskImagesTask, volume: Volume): DestinationDisk {
  return {
    receive: async (source, options) => {
      const { environment } = call
      const retention = {
        ...(environment.retention_count === undefined ? {} : { count: environment.retention_count }),
        ...(environment.retention_days === undefined ? {} : { maxAgeMs: environment.retention_days * DAY_MS }),
      }
      const generation = await replicateDisk({
        source: { diskId: source.diskId, content: readableContent(source), mayUseBitmaps: source.mayUseBitmaps },
        folder: replicaFolder(volume),
        executionId: options.executionId,
        verify: options.verify || environment.verify,
        chainLimit: environment.chain_limit,
        retention,
        now: () => new Date(),
        signal: options.signal,
        onProgress: ({ doneBytes, totalBytes }) => options.progress(doneBytes, totalBytes),
        say: message => call.event('INFO', message),
      })
      // No key of it is named as a secret would be: the service masks those.
      return { ...generation }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

function readableContent({ content, diskId }: SourceDisk): Exclude<SourceDisk['content'], { kind: 'none' }> {
  if (content.kind !== 'none') return content
  throw new InstarError('provider.refused', `the disk ${diskId} of the source has no content that could be copied`, {
    hint: 'For a simulated machine give the source environment {"content": "sparse-files"}.',
  })
}

/** Ids of other platforms hold slashes and anything else. */
function nameOfDisk(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 8)
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
