import { InstarError } from '@instar/contract'
import type { Instance } from '@instar/contract/api'
import type { DiskImagesTask } from './destination.ts'

/** What a machine's card can be plugged into. QEMU's own network needs no leave of the host, and nothing outside reaches a guest in it. */
export const NETWORKS = [
  { id: 'user', name: 'user', description: "QEMU's own network: DHCP, and a way out by the host" },
  { id: 'none', name: 'none', description: 'a card without a cable' },
] as const

export type NetworkId = (typeof NETWORKS)[number]['id']

/** The network of a card by the transfer's map. What is not mapped gets none; `provider.refused` for one that there is not. */
export function networkOf(call: Pick<DiskImagesTask, 'networkMap'>, name: string): NetworkId {
  const mapped = call.networkMap[name]
  if (mapped === undefined) return 'none'
  const id: unknown = typeof mapped === 'object' && mapped !== null && 'id' in mapped ? mapped.id : mapped
  const known = NETWORKS.find(network => network.id === id)
  if (known !== undefined) return known.id
  throw new InstarError(
    'provider.refused',
    `there is no network ${JSON.stringify(id)} at the destination; there are ${NETWORKS.map(network => network.id).join(', ')}`,
  )
}

/** Checks the map against the machine's cards, and tells of those that it leaves out. */
export function checkNetworks(call: DiskImagesTask, exportInfo: Instance): void {
  for (const { network_name } of exportInfo.devices.nics) {
    networkOf(call, network_name)
    if (call.networkMap[network_name] === undefined) call.event('WARNING', `The network ${network_name} has no mapping: its card gets none`)
  }
}
