export type Bus = 'virtio' | 'nvme' | 'scsi' | 'sata'

/** Modules without which a disk on the bus does not appear; what these need comes from modules.dep. `scsi` is virtio-scsi. */
export const BUS_MODULES: Readonly<Record<Bus, readonly string[]>> = {
  virtio: ['virtio_pci', 'virtio_blk'],
  nvme: ['nvme'],
  scsi: ['virtio_pci', 'virtio_scsi', 'sd_mod'],
  sata: ['ahci', 'sd_mod'],
}

/** For which a rebuilt image is fit, so that the next change of bus needs no rebuild. */
export const ALL_BUS_MODULES: readonly string[] = [...new Set(Object.values(BUS_MODULES).flat())]

/** What lies between the disk and the mounted root. */
export interface RootStack {
  /** As blkid says: ext4, xfs, btrfs, …; "unknown" is not judged. */
  readonly filesystem: string
  readonly layers: readonly ('luks' | 'lvm' | 'md')[]
}

export interface StackNeed {
  /** One of these modules must be there. */
  readonly anyOf: readonly string[]
  /** One of these programs must be in the image. */
  readonly programs: readonly string[]
  readonly for: string
}

const LAYER_NEEDS: Readonly<Record<RootStack['layers'][number], StackNeed>> = {
  luks: {
    anyOf: ['dm_crypt'],
    programs: ['cryptsetup', 'systemd-cryptsetup', 'cryptsetup-askpass', 'nlplug-findfs'],
    for: 'the encrypted root',
  },
  lvm: { anyOf: ['dm_mod'], programs: ['lvm', 'lvm.static', 'nlplug-findfs'], for: 'the logical volume of the root' },
  md: {
    anyOf: ['raid1', 'raid0', 'raid10', 'raid456', 'linear', 'md_mod'],
    programs: ['mdadm', 'mdassemble'],
    for: 'the array of the root',
  },
}

/** ext4 mounts ext2 and ext3 too. */
const FILESYSTEM_MODULES: Readonly<Record<string, readonly string[]>> = { ext2: ['ext2', 'ext4'], ext3: ['ext3', 'ext4'] }

export function stackNeeds(root: RootStack): StackNeed[] {
  const layers = root.layers.map(layer => LAYER_NEEDS[layer])
  if (root.filesystem === 'unknown') return layers
  const filesystem = { anyOf: FILESYSTEM_MODULES[root.filesystem] ?? [root.filesystem], programs: [], for: `the ${root.filesystem} root` }
  return [filesystem, ...layers]
}
