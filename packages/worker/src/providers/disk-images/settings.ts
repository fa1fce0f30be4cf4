import { PACKAGE_NAME } from '@instar/morph'
import * as z from 'zod/mini'
import { settings } from '../settings.ts'

const path = z.string().check(z.startsWith('/', 'must begin with /'))
const count = z.int().check(z.minimum(1))

/** A folder of machines on the workers' host, or on a file system that all workers of the endpoint's regions share. */
export const DiskImagesConnection = z.strictObject({
  folder: path.register(settings, {
    title: 'Folder',
    description:
      'Holds a folder for each machine, with its machine.yaml and its disks; or NAME.yaml files that name disks elsewhere in it.',
  }),
  storage: z._default(z.record(z.string().check(z.minLength(1)), path), {}).register(settings, {
    title: 'Further storage',
    description: 'Folders for replicas on other file systems, by name. "default" is the folder itself.',
  }),
})
export type DiskImagesConnection = z.infer<typeof DiskImagesConnection>

export const DiskImagesSource = z.strictObject({
  bitmaps: z._default(z.boolean(), true).register(settings, {
    title: 'Use dirty bitmaps',
    description: 'Where a machine allows them (bitmaps: true in its machine.yaml). Without them changes are found by hashes.',
  }),
})
export type DiskImagesSource = z.infer<typeof DiskImagesSource>

const DiskKey = z.strictObject({
  selector: z.string().check(z.minLength(1)).register(settings, { title: 'Container', description: '"all", a LUKS UUID, or a device.' }),
  password: z.string().check(z.minLength(1)).register(settings, { title: 'Passphrase or key' }),
  encoding: z._default(z.enum(['text', 'base64']), 'text').register(settings, { title: 'How the key is written' }),
})

const keys = {
  disk_encryption_keys: z._default(z.array(DiskKey), []).register(settings, { title: 'Keys of encrypted disks' }),
  encrypted_disks_passphrase: z.optional(z.string().check(z.minLength(1))).register(settings, {
    title: 'Passphrase of all encrypted disks',
    description: 'As in Coriolis; the same as a key for "all".',
  }),
}

const replication = {
  verify: z
    ._default(z.boolean(), false)
    .register(settings, { title: 'Verify every copy', description: 'Reads the copy again and compares hashes.' }),
  chain_limit: z._default(z.int().check(z.minimum(3), z.maximum(60)), 16).register(settings, {
    title: 'Files of a generation at most',
    description: 'Older generations are merged before a copy would make the chain longer.',
  }),
  retention_count: z.optional(count).register(settings, { title: 'Generations kept at most' }),
  retention_days: z.optional(z.number().check(z.positive())).register(settings, { title: 'Days that generations are kept' }),
}

const machine = {
  bus: z._default(z.enum(['virtio', 'nvme']), 'virtio').register(settings, { title: 'Disk bus' }),
  firmware: z.optional(z.enum(['bios', 'uefi'])).register(settings, { title: 'Firmware', description: "The machine's own, unless given." }),
  memory_mb: z.optional(count).register(settings, { title: 'Memory in MiB' }),
  num_cpu: z.optional(count).register(settings, { title: 'Number of CPUs' }),
  accel: z._default(z.enum(['auto', 'kvm', 'tcg']), 'auto').register(settings, { title: 'KVM or emulation' }),
  start: z._default(z.boolean(), false).register(settings, {
    title: 'Start the machine',
    description: 'When it is deployed. The results of its first-boot scripts then come back to the deployment.',
  }),
  first_boot_timeout_s: z._default(z.int().check(z.minimum(1)), 1800).register(settings, { title: 'Seconds to wait for its first boot' }),
}

const packageName = z.string().check(z.regex(PACKAGE_NAME))

const morphing = {
  network: z
    ._default(z.enum(['keep', 'dhcp']), 'keep')
    .register(settings, { title: 'Addresses', description: 'Kept as they are, or all by DHCP.' }),
  install_packages: z._default(z.array(packageName), []).register(settings, { title: 'Packages to install' }),
  remove_packages: z._default(z.array(packageName), []).register(settings, { title: 'Packages to remove' }),
  root: z
    .optional(z.string())
    .register(settings, { title: 'Root file system', description: 'Where the guest leaves a choice: a device or UUID=….' }),
  keep_on_error: z._default(z.boolean(), true).register(settings, {
    title: 'Keep the work of a failed morph',
    description: 'So that the next deployment can go on from the failed script.',
  }),
}

/** Options of a minion pool. */
export const DiskImagesPool = z.strictObject({
  accel: z._default(z.enum(['auto', 'kvm', 'tcg']), 'auto').register(settings, {
    title: 'KVM or emulation',
    description: 'Of the appliances. "auto" is KVM where a guest truly boots under it.',
  }),
})
export type DiskImagesPool = z.infer<typeof DiskImagesPool>

export const DiskImagesDestination = z.strictObject({ ...replication, ...machine, ...morphing, ...keys })
export type DiskImagesDestination = z.infer<typeof DiskImagesDestination>
