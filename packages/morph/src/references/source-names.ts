/** A device name that belongs to the platform the guest came from: which disk it means, and which partition of it. */
export interface SourceName {
  /** How the disk is named: only `order` families say which disk in the source's order it was. */
  readonly family: 'sd' | 'hd' | 'vd' | 'xvd' | 'nvme' | 'mmcblk' | 'cciss' | 'id' | 'array'
  /** The name of the whole disk, the same for all its partitions. */
  readonly disk: string
  /** Place in the source's order of disks, from 0; undefined where the name does not tell. */
  readonly order?: number
  readonly partition?: number
}

const LETTERS = /^\/dev\/(sd|hd|vd|xvd)([a-z]{1,3})(\d{1,3})?$/
const NUMBERED = /^\/dev\/(nvme|mmcblk|cciss\/c\d+d)(\d{1,3})(n\d+)?(?:p(\d{1,3}))?$/
/** udev's links by bus, serial or address; the device-mapper, LVM and md ones among them name what is on the disk and stay true. */
const LINKS = /^\/dev\/disk\/((?:by-(?:id|path|diskseq)|cloud|azure)\/(?!dm-|lvm-|md-).+?)(?:-part(\d{1,3}))?$/
/** Lazy, so that the "p" of "mpathap1" is the separator and not part of the name. */
const MULTIPATH = /^(\/dev\/(?:mapper\/mpath[a-z]{1,4}?|emcpower[a-z]{1,3}?))(?:(?:-part|p)?(\d{1,3}))?$/
/** Array and mapper numbers are given in the order of assembly: not a property of the disks, nor of the name in the guest's tables. */
const ARRAYS = /^\/dev\/(?:md\d+(?:p\d+)?|md_d\d+|md\/[^/]+|dm-\d+)$/

/**
 * Reads a device path of the source (`/dev/sdb1`, `/dev/disk/by-path/...`), or gives undefined for what stays true on other hardware
 * (UUID, label, LVM and crypt names). `aliases` are this guest's own multipath names.
 */
export function parseSourceName(spec: string, aliases: ReadonlySet<string> = new Set()): SourceName | undefined {
  return lettered(spec) ?? numbered(spec) ?? linked(spec) ?? multipath(spec, aliases) ?? array(spec)
}

function lettered(spec: string): SourceName | undefined {
  const [, family, letters, partition] = LETTERS.exec(spec) ?? []
  if (family === undefined || letters === undefined) return undefined
  const order = letters.split('').reduce((sum, letter) => sum * 26 + (letter.charCodeAt(0) - 96), 0) - 1
  return { family: family as 'sd', disk: `${family}${letters}`, order, ...partitionOf(partition) }
}

function numbered(spec: string): SourceName | undefined {
  const [, prefix, number, space, partition] = NUMBERED.exec(spec) ?? []
  if (prefix === undefined || number === undefined || (prefix === 'nvme') !== (space !== undefined)) return undefined
  const family = prefix.startsWith('cciss') ? 'cciss' : (prefix as 'nvme')
  // A second namespace of one controller is another disk, and its place in the order is not told by the name.
  const order = space === undefined || space === 'n1' ? { order: Number(number) } : {}
  return { family, disk: `${prefix}${number}${space ?? ''}`, ...order, ...partitionOf(partition) }
}

function linked(spec: string): SourceName | undefined {
  const [, disk, partition] = LINKS.exec(spec) ?? []
  return disk === undefined ? undefined : { family: 'id', disk, ...partitionOf(partition) }
}

function multipath(spec: string, aliases: ReadonlySet<string>): SourceName | undefined {
  const [, disk, partition] = MULTIPATH.exec(spec) ?? /^(\/dev\/mapper\/[^/]+?)(?:(?:-part|p)?(\d{1,3}))?$/.exec(spec) ?? []
  if (disk === undefined) return undefined
  const isKnown = MULTIPATH.test(spec) || aliases.has(disk.slice('/dev/mapper/'.length))
  return isKnown ? { family: 'id', disk, ...partitionOf(partition) } : undefined
}

function array(spec: string): SourceName | undefined {
  return ARRAYS.test(spec) ? { family: 'array', disk: spec } : undefined
}

function partitionOf(digits: string | undefined): { partition?: number } {
  return digits === undefined ? {} : { partition: Number(digits) }
}
