import * as z from 'zod/mini'
import { documented, OpenObject } from './wire.ts'

const numberOrText = z.union([z.number(), z.string()])
const text = z.optional(z.string())

export const INSTANCE_OS_TYPES = ['bsd', 'linux', 'osx', 'solaris', 'windows', 'other'] as const

const summary = {
  id: z.string(),
  name: z.string(),
  num_cpu: z.int(),
  memory_mb: z.int(),
  os_type: z.enum(INSTANCE_OS_TYPES),
  instance_name: text,
  firmware_type: z.optional(z.enum(['BIOS', 'EFI'])),
  guest_id: text,
  flavor_name: text,
}

/** A machine in the list of an endpoint; providers may add keys. */
export const InstanceSummary = z.looseObject({ ...summary }).register(documented, { id: 'InstanceSummary' })
export type InstanceSummary = z.infer<typeof InstanceSummary>

/** The machines of an endpoint. `warnings` is ours: what the platform has and the list cannot show, and why, a sentence each. */
export const InstanceList = z.object({ instances: z.array(InstanceSummary), warnings: z.optional(z.array(z.string())) })
export type InstanceList = z.infer<typeof InstanceList>

const Disk = z.looseObject({
  id: z.string(),
  size_bytes: z.int(),
  format: z.optional(z.enum(['vmdk', 'raw', 'qcow', 'qcow2', 'vhd', 'vhdx'])),
  allocation_type: z.optional(z.enum(['static', 'dynamic'])),
  unit_number: z.optional(numberOrText),
  path: text,
  controller_id: text,
  storage_backend_identifier: text,
  shareable: z.optional(z.boolean()),
  legacy_ids: z.optional(z.array(z.string())),
  /** Set by the service for transfers of several machines: the machine that copies a shared disk. */
  owner: text,
})

const Nic = z.looseObject({
  network_name: z.string(),
  mac_address: z.nullable(z.string()),
  ip_addresses: z.optional(z.array(z.string())),
  vlan_id: z.optional(z.int()),
  id: text,
  name: text,
  network_id: text,
  subnet_name: text,
})

const Devices = z.looseObject({
  disks: z.array(Disk),
  nics: z.array(Nic),
  cdroms: z.array(z.looseObject({ unit_number: numberOrText, controller_id: text })),
  serial_ports: z.array(OpenObject),
  floppies: z.array(z.looseObject({ unit_number: numberOrText, controller_id: text })),
  controllers: z.array(z.looseObject({ id: z.string(), type: z.string(), bus_number: numberOrText })),
})

/** A machine in full: what a source tells of it (`export_info`), and what became of it at the destination (`transfer_result`). */
export const Instance = z
  .looseObject({
    ...summary,
    nested_virtualization: z.boolean(),
    devices: Devices,
    boot_order: z.optional(z.array(z.looseObject({ type: z.string(), id: numberOrText }))),
    os_info: z.optional(OpenObject),
  })
  .register(documented, { id: 'Instance' })
export type Instance = z.infer<typeof Instance>
