import type { Instance, InstanceSummary } from '@instar/contract/api'
import { InstarError } from '@instar/contract'
import type { InstanceQuery } from '../source-half.ts'
import type { SimulatorConnection } from './simulator-settings.ts'

const MIB = 1024 * 1024

/** A page of the machines that the endpoint pretends to have: `vm-00001`, `vm-00002`, ... */
export function listMachines(connection: SimulatorConnection, query: InstanceQuery): InstanceSummary[] {
  const wanted = query.name?.toLowerCase() ?? ''
  const after = query.marker === undefined ? 0 : numberOf(connection, query.marker)
  if (after === undefined) throw new InstarError('provider.not-found', `no machine ${query.marker} to go on after`)
  const page: InstanceSummary[] = []
  for (let number = after + 1; number <= connection.machines && page.length < (query.limit ?? Infinity); number += 1) {
    const name = nameOf(connection, number)
    if (name.toLowerCase().includes(wanted)) page.push(summaryOf(name, number))
  }
  return page
}

export function describeMachine(connection: SimulatorConnection, name: string): Instance {
  const number = numberOf(connection, name)
  if (number === undefined) {
    throw new InstarError('provider.not-found', `no machine ${name} among the ${connection.machines} of the simulator`)
  }
  return {
    ...summaryOf(name, number),
    firmware_type: 'BIOS',
    nested_virtualization: false,
    devices: {
      disks: [...ownDisks(connection, number), ...sharedDisks(connection)],
      nics: [
        { id: `nic-${number}`, network_name: `net-${(number % 3) + 1}`, mac_address: macOf(number), ip_addresses: [addressOf(number)] },
      ],
      cdroms: [],
      serial_ports: [],
      floppies: [],
      controllers: [{ id: 'scsi-0', type: 'scsi', bus_number: 0 }],
    },
  }
}

function summaryOf(name: string, number: number): InstanceSummary {
  return { id: name, name, instance_name: name, num_cpu: (number % 4) + 1, memory_mb: 1024 * ((number % 4) + 1), os_type: 'linux' }
}

type Disks = Instance['devices']['disks']

function ownDisks(connection: SimulatorConnection, number: number): Disks {
  return Array.from({ length: connection.disks_per_machine }, (_, at) => ({
    id: `disk-${number}-${at}`,
    format: 'raw',
    size_bytes: connection.disk_mib * MIB,
    unit_number: at,
    controller_id: 'scsi-0',
    storage_backend_identifier: at === 0 ? 'fast' : 'slow',
    allocation_type: 'dynamic',
  }))
}

function sharedDisks(connection: SimulatorConnection): Disks {
  return Array.from({ length: connection.shared_disks }, (_, at) => ({
    id: `shared-${at}`,
    format: 'raw',
    size_bytes: connection.disk_mib * MIB,
    unit_number: connection.disks_per_machine + at,
    controller_id: 'scsi-0',
    storage_backend_identifier: 'fast',
    shareable: true,
  }))
}

function nameOf(connection: SimulatorConnection, number: number): string {
  return `${connection.prefix}${String(number).padStart(5, '0')}`
}

function numberOf(connection: SimulatorConnection, name: string): number | undefined {
  const number = Number(name.slice(connection.prefix.length))
  const isThere = Number.isSafeInteger(number) && number >= 1 && number <= connection.machines && name === nameOf(connection, number)
  return isThere ? number : undefined
}

/** Of the range that is set apart for local use. */
function macOf(number: number): string {
  return `52:54:00:${[16, 8, 0].map(shift => ((number >> shift) & 255).toString(16).padStart(2, '0')).join(':')}`
}

/** Of the range that is set apart for tests of networks (198.18.0.0/15). */
function addressOf(number: number): string {
  return `198.18.${(number >> 8) & 255}.${number & 255}`
}
