/**
 * What stands on the attached disks, as one flat list: disks, partitions and everything stacked on them.
 *
 * Devices are tied together by `kernelPath` ("/dev/dm-3"), which stays the same when a mapping is renamed; `path` is the name to use and show.
 */
export interface BlockDevice {
  readonly path: string
  readonly kernelPath: string
  /** Major and minor: "259:3". */
  readonly number: string
  readonly kind: 'disk' | 'partition' | 'crypt' | 'lv' | 'md' | 'other'
  readonly sizeBytes: number
  readonly readOnly: boolean
  /** Kernel paths of the devices below; empty for a disk. An array or a volume may stand on several. */
  readonly parents: readonly string[]
  /** Where the machine has it mounted, if it does ("[SWAP]" for swap in use). */
  readonly mountPoint?: string
  /** Of a disk: its place in the list of disks that was given, from 0. */
  readonly diskIndex?: number
  /** Of a disk: "gpt" or "dos". */
  readonly partitionTable?: string
  readonly content?: Content
  readonly partition?: Partition
  readonly mapping?: Mapping
}

/** A signature that was found on a device. */
export interface Content {
  /** As blkid names it: ext4, xfs, btrfs, vfat, swap, swsuspend, crypto_LUKS, LVM2_member, linux_raid_member ... */
  readonly type: string
  readonly usage: string
  readonly version?: string
  /** Of the filesystem; of a RAID member: of the array. */
  readonly uuid?: string
  readonly label?: string
}

export interface Partition {
  readonly table: string
  readonly number: number
  /** GPT: type GUID in lower case; MBR: "0x83". */
  readonly type: string
  readonly uuid?: string
  readonly label?: string
  readonly flags?: string
  readonly startBytes: number
  /** Kernel path of the disk. */
  readonly disk: string
}

/** A device-mapper device. */
export interface Mapping {
  readonly name: string
  readonly uuid: string
  readonly volume?: LogicalVolume
}

export interface LogicalVolume {
  readonly volumeGroup: string
  readonly name: string
  /** 32 characters, without dashes. */
  readonly groupId: string
  readonly id: string
  /** A part of another volume (thin pool data, snapshot store ...): never a filesystem of its own. */
  readonly isHidden: boolean
}

export const ESP_TYPES: ReadonlySet<string> = new Set(['c12a7328-f81f-11d2-ba4b-00a0c93ec93b', '0xef'])
/** GPT partition that holds the second stage of GRUB: the sign of a BIOS guest on a GPT disk. */
export const BIOS_BOOT_TYPE = '21686148-6449-6e6f-744e-656564454649'

/** Devices that carry a filesystem to look at; a btrfs on several devices appears once, by its first. */
export function filesystemsOf(devices: readonly BlockDevice[]): BlockDevice[] {
  const seen = new Set<string>()
  return devices.filter(device => {
    const { content } = device
    if (content?.usage !== 'filesystem' || device.mapping?.volume?.isHidden || childrenOf(device, devices).length > 0) return false
    const key = content.type === 'btrfs' ? `btrfs ${content.uuid}` : device.kernelPath
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

export function childrenOf(device: BlockDevice, devices: readonly BlockDevice[]): BlockDevice[] {
  return devices.filter(other => other.parents.includes(device.kernelPath))
}

/** The disks below a device, by kernel path. */
export function disksBelow(device: BlockDevice, devices: readonly BlockDevice[], depth = 0): Set<string> {
  if (device.kind === 'disk' || depth > 32) return new Set([device.kernelPath])
  const parents = devices.filter(other => device.parents.includes(other.kernelPath))
  return new Set(parents.flatMap(parent => [...disksBelow(parent, devices, depth + 1)]))
}

/** EFI system partitions, in the order of the disks. */
export function findEsps(devices: readonly BlockDevice[]): BlockDevice[] {
  return devices.filter(device => device.partition && ESP_TYPES.has(device.partition.type))
}
