import type { BlockDevice } from '../storage/block-device.ts'
import { namesOfDevice, partitionName } from '../storage/device-names.ts'

/** Which device a name in a guest's file means. */
export type Resolution =
  | { readonly kind: 'device'; readonly device: BlockDevice; /** True when only the order of disks tells. */ readonly isGuess: boolean }
  | { readonly kind: 'many'; readonly devices: readonly BlockDevice[] }
  | { readonly kind: 'none'; readonly reason: string }

/** What a name can be resolved against. */
export interface ResolveContext {
  readonly devices: readonly BlockDevice[]
  /** Volumes of this group win over those of another group of the same name. */
  readonly preferredGroup?: string
  /** From the guest's mdadm.conf: node ("/dev/md0") to the array's uuid, any form. */
  readonly arrays?: ReadonlyMap<string, string>
  /** From the guest's crypttab: mapping name to its device field. */
  readonly containers?: ReadonlyMap<string, string>
}

/** Finds the device that field 1 of fstab, a `root=` or a crypttab device means. Never throws; resolves nothing on the minion. */
export function resolveSpec(spec: string, context: ResolveContext): Resolution {
  const tag = /^(UUID|LABEL|PARTUUID|PARTLABEL)=(.*)$/s.exec(spec)
  if (tag) return choose(byTag(tag[1]!, tag[2]!.replaceAll(/^["']|["']$/g, ''), context), spec, context)
  const link = /^\/dev\/disk\/by-([a-z-]+)\/(.+)$/s.exec(spec)
  if (link) return byLink(link[1]!, link[2]!, spec, context)
  if (!spec.startsWith('/dev/')) return { kind: 'none', reason: 'it names no device' }
  return byNode(spec, context)
}

function byTag(tag: string, value: string, { devices }: ResolveContext): BlockDevice[] {
  const wanted = value.toLowerCase()
  // vfat prints its uuid in upper case, some tools write it in lower.
  if (tag === 'UUID') return once(devices.filter(({ content }) => isMountable(content?.usage) && content?.uuid?.toLowerCase() === wanted))
  if (tag === 'LABEL') return once(devices.filter(({ content }) => isMountable(content?.usage) && content?.label === value))
  if (tag === 'PARTUUID') return devices.filter(({ partition }) => partition?.uuid?.toLowerCase() === wanted)
  return devices.filter(({ partition }) => partition?.label === value)
}

/** Members of an array carry the array's uuid, which is no filesystem's. A container's uuid is meant by crypttab. */
function isMountable(usage: string | undefined): boolean {
  return usage === 'filesystem' || usage === 'other' || usage === 'crypto'
}

/** The devices of one btrfs share its uuid. */
function once(found: BlockDevice[]): BlockDevice[] {
  return found.every(({ content }) => content?.type === 'btrfs') ? found.slice(0, 1) : found
}

function byLink(folder: string, name: string, spec: string, context: ResolveContext): Resolution {
  const value = name.replaceAll(/\\x([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const tags: Record<string, string> = { uuid: 'UUID', label: 'LABEL', partuuid: 'PARTUUID', partlabel: 'PARTLABEL' }
  const tag = tags[folder]
  if (tag) return choose(byTag(tag, value, context), spec, context)
  const mapper = /^dm-name-(.+)$/.exec(value)
  if (folder === 'id' && mapper) return byNode(`/dev/mapper/${mapper[1]}`, context)
  const found = folder === 'id' ? byId(value, context) : []
  if (found.length > 0) return choose(found, spec, context)
  return onlyDisk(Number(/-part(\d+)$/.exec(value)?.[1] ?? 0), context, `${spec} names hardware of the source`)
}

function byId(value: string, { devices }: ResolveContext): BlockDevice[] {
  const plain = (uuid: string): string => uuid.replaceAll(/[:-]/g, '').toLowerCase()
  const dm = /^dm-uuid-(.+)$/.exec(value)
  if (dm) return devices.filter(({ mapping }) => mapping?.uuid === dm[1])
  const volume = /^lvm-pv-uuid-(.+)$/.exec(value)
  if (volume) return devices.filter(({ content }) => content?.uuid === volume[1])
  const array = /^md-uuid-(.+)$/.exec(value)
  if (array) return arrayOf(devices, ({ uuid }) => plain(uuid ?? '') === plain(array[1]!))
  const named = /^md-name-(.+)$/.exec(value)
  return named ? arrayOf(devices, ({ label }) => label === named[1]) : []
}

/** Running arrays of which a member's signature fits. */
function arrayOf(devices: readonly BlockDevice[], fits: (member: { uuid?: string; label?: string }) => boolean): BlockDevice[] {
  const members = devices.filter(({ content }) => content?.type === 'linux_raid_member' && fits(content))
  const paths = new Set(members.map(({ kernelPath }) => kernelPath))
  return devices.filter(({ kind, parents }) => kind === 'md' && parents.some(parent => paths.has(parent)))
}

function byNode(spec: string, context: ResolveContext): Resolution {
  const { devices } = context
  if (/^\/dev\/dm-\d+$/.test(spec)) return { kind: 'none', reason: `${spec} is a number that changes with every boot` }
  if (spec.startsWith('/dev/md')) return choose(findArray(spec, context), spec, context)
  // Names of the minion's kernel mean other disks in the guest: what stands on disks goes by their order.
  const named = devices.filter(device => device.kind !== 'disk' && device.kind !== 'partition' && namesOfDevice(device, devices).has(spec))
  if (named.length > 0) return choose(named, spec, context)
  const container = /^\/dev\/mapper\/(.+)$/.exec(spec)
  if (container) return byMapperName(container[1]!, spec, context)
  return byOrder(spec, context)
}

function byMapperName(name: string, spec: string, context: ResolveContext): Resolution {
  const { devices, containers } = context
  const source = containers?.get(name)
  if (source !== undefined) {
    const below = resolveSpec(source, { ...context, containers: new Map() })
    const opened = below.kind === 'device' ? devices.find(({ parents }) => parents.includes(below.device.kernelPath)) : undefined
    if (opened) return { kind: 'device', device: opened, isGuess: false }
    const why = below.kind === 'device' ? `the container ${below.device.path} (${below.device.content?.uuid}) is locked` : 'is not there'
    return { kind: 'none', reason: `${name} is opened from ${source}: ${why}` }
  }
  const multipath = /^mpath[a-z]+(?:-?p?(?:art)?(\d+))?$/.exec(name)
  if (multipath) return onlyDisk(Number(multipath[1] ?? 0), context, `${spec} is a multipath device of the source`)
  return { kind: 'none', reason: `no mapping ${name} on these disks` }
}

/** "/dev/md0", "/dev/md/0", "/dev/md/name", "/dev/md_d0p1" by mdadm.conf, else by the name in the superblock. */
function findArray(spec: string, { devices, arrays }: ResolveContext): BlockDevice[] {
  const match = /^\/dev\/md(?:\/|_d)?(.+?)$/.exec(spec)
  const name = match?.[1] ?? ''
  const plain = (uuid: string | undefined): string => (uuid ?? '').replaceAll(/[:-]/g, '').toLowerCase()
  const uuid = arrays?.get(spec) ?? arrays?.get(`/dev/md${name}`) ?? arrays?.get(`/dev/md/${name}`)
  if (uuid !== undefined) return arrayOf(devices, member => plain(member.uuid) === plain(uuid))
  const named = arrayOf(devices, ({ label }) => label?.split(':').at(-1) === name)
  if (named.length > 0) return named
  // Without a name and a mdadm.conf the only array is meant.
  const all = devices.filter(({ kind }) => kind === 'md')
  return all.length === 1 ? all : []
}

interface DiskName {
  readonly index: number
  readonly partition: number
}

/** The disk's number and the partition that a kernel name of the source tells. */
export function parseDiskName(spec: string): DiskName | undefined {
  const letters = /^\/dev\/(?:sd|hd|vd|xvd)([a-z]{1,3})(\d{0,3})$/.exec(spec)
  if (letters) {
    const index = Buffer.from(letters[1]!).reduce((sum, byte) => sum * 26 + byte - 96, 0) - 1
    return { index, partition: Number(letters[2]) }
  }
  const nvme = /^\/dev\/nvme(\d{1,3})n(\d{1,3})(?:p(\d{1,3}))?$/.exec(spec)
  if (nvme) return { index: Number(nvme[1]) + Number(nvme[2]) - 1, partition: Number(nvme[3] ?? 0) }
  const cciss = /^\/dev\/cciss\/c(\d{1,2})d(\d{1,3})(?:p(\d{1,3}))?$/.exec(spec)
  if (cciss) return { index: Number(cciss[2]), partition: Number(cciss[3] ?? 0) }
  const mmc = /^\/dev\/mmcblk(\d{1,3})(?:p(\d{1,3}))?$/.exec(spec)
  return mmc ? { index: Number(mmc[1]), partition: Number(mmc[2] ?? 0) } : undefined
}

function byOrder(spec: string, { devices }: ResolveContext): Resolution {
  const name = parseDiskName(spec)
  if (!name) return { kind: 'none', reason: `${spec} is no device on these disks` }
  const disk = devices.find(({ diskIndex }) => diskIndex === name.index)
  if (!disk) return { kind: 'none', reason: `${spec} would be disk ${name.index + 1}, which was not given` }
  return ofDisk(disk, name.partition, devices)
}

function ofDisk(disk: BlockDevice, number: number, devices: readonly BlockDevice[]): Resolution {
  const device = number === 0 ? disk : devices.find(({ partition }) => partition?.disk === disk.kernelPath && partition.number === number)
  if (device) return { kind: 'device', device, isGuess: true }
  return { kind: 'none', reason: `there is no partition ${partitionName(disk.path, number)}` }
}

/** A name of hardware tells nothing about which disk, unless there is just one. */
function onlyDisk(partition: number, { devices }: ResolveContext, reason: string): Resolution {
  const disks = devices.filter(({ diskIndex }) => diskIndex !== undefined)
  return disks.length === 1 ? ofDisk(disks[0]!, partition, devices) : { kind: 'none', reason }
}

function choose(found: readonly BlockDevice[], spec: string, { preferredGroup }: ResolveContext): Resolution {
  const preferred = found.filter(({ mapping }) => mapping?.volume && mapping.volume.groupId === preferredGroup)
  const candidates = preferred.length > 0 ? preferred : found
  if (candidates.length > 1) return { kind: 'many', devices: candidates }
  const [device] = candidates
  return device ? { kind: 'device', device, isGuess: false } : { kind: 'none', reason: `nothing on these disks is ${spec}` }
}
