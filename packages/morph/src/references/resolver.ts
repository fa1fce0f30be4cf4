import type { SourceName } from './source-names.ts'
import { parseSourceName } from './source-names.ts'

/** What lies on an attached disk or partition, as blkid tells it. */
export interface AttachedDevice {
  readonly kind: 'filesystem' | 'swap' | 'luks' | 'lvm' | 'raid' | 'unknown'
  /** Of a file system: ext4, xfs, vfat, ... */
  readonly type?: string
  /** Of the content, as written in fstab after `UUID=`. */
  readonly uuid?: string
  readonly partuuid?: string
}

/** The device that a name of the source means, or undefined when the attached disks do not prove which one it is. */
export type ResolveDevice = (spec: string) => AttachedDevice | undefined

/** A disk of the machine, in the order the source had them. */
export interface AttachedDisk {
  /** The source's own name where it is known ("xvdf"): AWS names do not follow the order. */
  readonly sourceName?: string
  /** Serial and WWN as the source had them: matched within by-id names. */
  readonly ids?: readonly string[]
  /** What lies on the disk itself where it has no partitions. */
  readonly whole?: AttachedDevice
  readonly partitions: readonly (AttachedDevice & { readonly number: number })[]
}

/** A name in the guest's tables, and the file system type they expect there. */
export interface DeviceUse {
  readonly spec: string
  readonly type?: string
}

const MIN_ID_LENGTH = 6

/**
 * Resolves names of the source by looking at the attached disks. A letter or number is taken for the place in the source's order, and
 * only if all such names in the guest are of one family; a by-id, by-path or multipath name by serial, else by being the only disk on
 * which every partition that the guest's tables name exists with the type they expect. What two disks would fit is not resolved.
 */
export function createSourceResolver(
  disks: readonly AttachedDisk[],
  uses: readonly DeviceUse[] = [],
  aliases: ReadonlySet<string> = new Set(),
): ResolveDevice {
  const named = uses.flatMap(use => {
    const name = parseSourceName(use.spec, aliases)
    return name === undefined ? [] : [{ name, use }]
  })
  const families = new Set(named.filter(({ name }) => name.order !== undefined).map(({ name }) => name.family))
  const fits = (name: SourceName, disk: AttachedDisk): boolean =>
    named.filter(other => other.name.disk === name.disk).every(other => isExpected(deviceAt(disk, other.name.partition), other.use.type))
  const diskOf = (name: SourceName): AttachedDisk | undefined =>
    onlyOne(disks.filter(disk => disk.sourceName === name.disk)) ??
    (name.order === undefined ? byContent(name) : families.size <= 1 ? byOrder(name.order) : undefined)
  const byOrder = (order: number) => (disks.some(disk => disk.sourceName !== undefined) ? undefined : disks[order])
  const byContent = (name: SourceName) =>
    onlyOne(disks.filter(disk => disk.ids?.some(id => id.length >= MIN_ID_LENGTH && name.disk.toLowerCase().includes(id.toLowerCase())))) ??
    onlyOne(disks.filter(disk => fits(name, disk)))

  return spec => {
    const name = parseSourceName(spec, aliases)
    if (name === undefined || name.family === 'array') return undefined
    const disk = diskOf(name)
    return disk !== undefined && fits(name, disk) ? deviceAt(disk, name.partition) : undefined
  }
}

/** Is the content what a table expects? Relatives that one driver mounts under several names count as the same. */
export function isExpected(device: AttachedDevice | undefined, type: string | undefined): boolean {
  if (device === undefined) return false
  if (type === undefined || type === 'auto' || type === 'none') return true
  if (type === 'swap' || type === 'luks') return device.kind === type
  return device.kind === 'filesystem' && (device.type === undefined || familyOf(device.type) === familyOf(type))
}

function familyOf(type: string): string {
  if (/^ext[234]$/.test(type)) return 'ext'
  if (/^(vfat|msdos|fat|umsdos)$/.test(type)) return 'fat'
  return /^(ntfs|ntfs3|ntfs-3g|fuseblk)$/.test(type) ? 'ntfs' : type
}

function deviceAt(disk: AttachedDisk, partition: number | undefined): AttachedDevice | undefined {
  return partition === undefined ? disk.whole : disk.partitions.find(({ number }) => number === partition)
}

function onlyOne<T>(list: readonly T[]): T | undefined {
  return list.length === 1 ? list[0] : undefined
}
