import type { Volume } from '../disks.ts'
import { volumeId, without } from './volumes.ts'
import type { World } from './world.ts'

/** Keeps the volumes' state beside them. A repetition keeps the first state: later changes are those to be undone. */
export async function createSnapshots(world: World, key: string, volumes: readonly Volume[]): Promise<Volume[]> {
  for (const volume of volumes) {
    const name = snapshotName(volume, key)
    if (!(await world.has('snapshots', name))) await world.put('snapshots', name, (await world.get('volumes', volumeId(volume))) ?? {})
  }
  return volumes.map(volume => ({ ...volume, snapshot_id: snapshotName(volume, key) }))
}

export async function deleteSnapshots(world: World, key: string, volumes: readonly Volume[]): Promise<Volume[]> {
  for (const volume of volumes) await world.remove('snapshots', snapshotName(volume, key))
  return volumes.map(volume => without(volume, 'snapshot_id'))
}

export async function restoreSnapshots(world: World, key: string, volumes: readonly Volume[]): Promise<Volume[]> {
  for (const volume of volumes) {
    const kept = await world.get('snapshots', snapshotName(volume, key))
    if (kept) await world.put('volumes', volumeId(volume), kept)
    await world.remove('snapshots', snapshotName(volume, key))
  }
  return volumes.map(volume => without(volume, 'snapshot_id'))
}

function snapshotName(volume: Volume, key: string): string {
  return `${volumeId(volume)}@${key}`
}
