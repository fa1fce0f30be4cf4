import type { VolumesRequest } from '../destination-half.ts'
import type { Volume } from '../disks.ts'
import type { World } from './world.ts'

export function volumeId(volume: Volume): string {
  return String(volume['volume_id'])
}

/** A volume for each disk that has none or whose volume is gone; the others keep what they hold, and grow with their disk. */
export async function deployDisks(world: World, key: string, request: VolumesRequest): Promise<Volume[]> {
  const volumes: Volume[] = []
  for (const disk of request.exportInfo.devices.disks) {
    const known = request.volumes.find(volume => volume.disk_id === disk.id)
    const held = known && (await world.get('volumes', volumeId(known)))
    const name = known && held ? volumeId(known) : `${key}/${disk.id}`
    await world.put('volumes', name, { ...held, disk_id: disk.id, size_bytes: disk.size_bytes })
    volumes.push(held && known ? known : { disk_id: disk.id, volume_id: name })
  }
  return volumes
}

/** The volumes with the devices under which a helper machine has them. */
export function attach(volumes: readonly Volume[]): Volume[] {
  return volumes.map((volume, at) => ({ ...volume, volume_dev: `/dev/sim${at}` }))
}

export function detach(volumes: readonly Volume[]): Volume[] {
  return volumes.map(volume => without(volume, 'volume_dev'))
}

export function without(volume: Volume, key: string): Volume {
  return Object.fromEntries(Object.entries(volume).filter(([name]) => name !== key)) as Volume
}
