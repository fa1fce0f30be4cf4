import type { Instance } from '@instar/contract/api'
import type { VolumesRequest } from '../destination-half.ts'
import type { Own } from '../provider.ts'
import type { SimulatorTask } from './destination.ts'
import { volumeId } from './volumes.ts'
import type { World } from './world.ts'

/** The disks of a machine that is about to be made: clones of the volumes, or the volumes themselves. */
export async function deployInstance(world: World, call: SimulatorTask, request: VolumesRequest & { cloneDisks: boolean }): Promise<Own> {
  const disks: string[] = []
  for (const volume of request.volumes) {
    const clone = `${clonesOf(call.key)}${volume.disk_id}`
    if (request.cloneDisks) await world.put('volumes', clone, (await world.get('volumes', volumeId(volume))) ?? {})
    disks.push(request.cloneDisks ? clone : volumeId(volume))
  }
  await world.put('instances', call.key, { instance: call.instance })
  return { instance_id: call.key, disks }
}

export async function finalizeInstance(
  world: World,
  call: SimulatorTask,
  request: { exportInfo: Instance; instanceInfo: Own; flavor?: string },
): Promise<Instance> {
  const flavor = call.environment.flavor ?? request.flavor
  const { id: _, instance_name: __, ...machine } = request.exportInfo
  const result: Instance = { ...machine, id: call.key, ...(flavor !== undefined && { flavor_name: flavor }) }
  await world.put('machines', call.key, { ...result, disks: request.instanceInfo['disks'] })
  await world.remove('instances', call.key)
  return result
}

export async function cleanUpInstance(world: World, key: string): Promise<void> {
  await world.remove('machines', key)
  for (const clone of await world.list('volumes', clonesOf(key))) await world.remove('volumes', clone)
  await world.remove('instances', key)
}

function clonesOf(key: string): string {
  return `${key}/clone/`
}
