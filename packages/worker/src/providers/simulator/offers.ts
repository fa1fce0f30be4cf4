import { InstarError } from '@instar/contract'
import type { Instance } from '@instar/contract/api'
import type { StorageList } from '../destination-half.ts'
import type { SimulatorTask } from './destination.ts'

/** What the simulated platform has to offer to new machines. */
export const NETWORKS = ['net-1', 'net-2', 'net-3'].map(id => ({ id, name: id }))
export const STORAGE: StorageList = {
  storage_backends: ['fast', 'slow'].map(id => ({ id, name: id, additional_provider_properties: { supported_bus_types: ['virtio'] } })),
  config_default: 'fast',
}
/** Smallest first. */
export const FLAVORS = [
  { name: 'small', memoryMb: 1024 },
  { name: 'medium', memoryMb: 4096 },
  { name: 'large', memoryMb: 65_536 },
]

/** Throws when a network or storage that the machine is mapped to does not exist; tells of what has no mapping. */
export function checkMappings(call: SimulatorTask, exportInfo: Instance): void {
  for (const { network_name } of exportInfo.devices.nics) {
    const mapped = call.networkMap[network_name]
    if (mapped === undefined) call.event('WARNING', `The network ${network_name} has no mapping: its card gets none`)
    else requireKnown('network', networkId(mapped), NETWORKS)
  }
  const { default: preset, backend_mappings = [], disk_mappings = [] } = call.storageMappings
  const wanted = [...backend_mappings, ...disk_mappings].map(({ destination }) => destination)
  for (const destination of [...wanted, ...(preset === undefined ? [] : [preset])]) {
    requireKnown('storage', destination.split(':')[0]!, STORAGE.storage_backends)
  }
}

function requireKnown(what: string, id: string, known: readonly { id: string }[]): void {
  if (known.some(one => one.id === id)) return
  throw new InstarError(
    'provider.refused',
    `there is no ${what} ${id} at the destination; there are ${known.map(one => one.id).join(', ')}`,
  )
}

/** Clients send an id, `ID:PORT`, or an object with an `id`. */
function networkId(mapped: unknown): string {
  if (typeof mapped === 'object' && mapped !== null && 'id' in mapped) return String(mapped.id)
  return String(mapped).split(':')[0]!
}
