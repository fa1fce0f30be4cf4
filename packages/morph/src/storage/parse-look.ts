import { InstarError } from '@instar/contract'
import { plainName } from './group-names.ts'
import type { BlockDevice, Content, LogicalVolume, Mapping, Partition } from './block-device.ts'

const SECTOR_BYTES = 512

/** The four answers of the look script, see look.ts. */
export interface LookOutput {
  readonly lsblk: string
  /** Real paths of the disks that were asked for, one a line, in order. */
  readonly realPaths: string
  readonly blkid: string
  readonly mapper: string
}

/** Puts the answers of lsblk, blkid and sysfs together. Throws `storage.unreadable` when they are not what these tools print. */
export function parseLook(output: LookOutput): BlockDevice[] {
  const disks = lines(output.realPaths)
  const probes = parseBlkid(output.blkid)
  const mappings = parseMappings(output.mapper)
  return [...flatten(parseLsblk(output.lsblk)).values()].map(node => toDevice(node, { disks, probes, mappings }))
}

interface LsblkNode {
  name: string
  kname: string
  'maj:min': string
  type: string
  size: number | string | null
  ro: boolean | string | number
  mountpoint: string | null
  children?: unknown
}

function isNode(value: unknown): value is LsblkNode {
  if (typeof value !== 'object' || value === null) return false
  const { kname, type, 'maj:min': number } = value as Partial<LsblkNode>
  return typeof kname === 'string' && typeof type === 'string' && typeof number === 'string'
}

interface FlatNode extends LsblkNode {
  parents: string[]
}

function parseLsblk(text: string): unknown[] {
  try {
    const nodes: unknown = (JSON.parse(text) as { blockdevices?: unknown } | null)?.blockdevices
    if (Array.isArray(nodes)) return nodes
  } catch (error) {
    throw new InstarError('storage.unreadable', `lsblk answered with ${text.length} characters that are not JSON`, { cause: error })
  }
  throw new InstarError('storage.unreadable', 'lsblk named no block devices')
}

/** A device on several others appears below each of them. */
function flatten(roots: readonly unknown[]): Map<string, FlatNode> {
  const flat = new Map<string, FlatNode>()
  const visit = (node: unknown, parent: string | undefined, depth: number): void => {
    if (!isNode(node) || depth > 64) return
    const known = flat.get(node.kname) ?? { ...node, parents: [] }
    if (parent !== undefined && !known.parents.includes(parent)) known.parents.push(parent)
    flat.set(node.kname, known)
    for (const child of Array.isArray(node.children) ? node.children : []) visit(child, node.kname, depth + 1)
  }
  for (const root of roots) visit(root, undefined, 0)
  return flat
}

interface Facts {
  readonly disks: readonly string[]
  readonly probes: ReadonlyMap<string, ReadonlyMap<string, string>>
  readonly mappings: ReadonlyMap<string, Mapping>
}

function toDevice(node: FlatNode, { disks, probes, mappings }: Facts): BlockDevice {
  const probe = probes.get(node.kname) ?? new Map<string, string>()
  const mapping = mappings.get(node.kname)
  const content = contentOf(probe)
  const partition = partitionOf(probe, node)
  const table = probe.get('PTTYPE')
  const diskIndex = disks.indexOf(node.kname)
  return {
    path: mapping ? `/dev/mapper/${mapping.name}` : node.kname,
    kernelPath: node.kname,
    number: node['maj:min'],
    kind: kindOf(node, mapping),
    sizeBytes: Number(node.size ?? 0),
    readOnly: node.ro === true || node.ro === '1' || node.ro === 1,
    parents: node.parents,
    ...(node.mountpoint ? { mountPoint: node.mountpoint } : {}),
    ...(diskIndex >= 0 ? { diskIndex } : {}),
    ...(table && node.type !== 'part' ? { partitionTable: table } : {}),
    ...(content ? { content } : {}),
    ...(partition ? { partition } : {}),
    ...(mapping ? { mapping } : {}),
  }
}

function kindOf(node: FlatNode, mapping: Mapping | undefined): BlockDevice['kind'] {
  if (node.type === 'part') return 'partition'
  if (mapping?.volume) return 'lv'
  if (mapping?.uuid.startsWith('CRYPT-') || node.type === 'crypt') return 'crypt'
  if (node.type.startsWith('raid') || node.type === 'md' || node.type === 'linear') return 'md'
  return node.parents.length === 0 ? 'disk' : 'other'
}

function contentOf(probe: ReadonlyMap<string, string>): Content | undefined {
  const type = probe.get('TYPE')
  if (type === undefined) return undefined
  const version = probe.get('VERSION')
  const uuid = probe.get('UUID')
  const label = probe.get('LABEL')
  return { type, usage: probe.get('USAGE') ?? '', ...(version && { version }), ...(uuid && { uuid }), ...(label && { label }) }
}

function partitionOf(probe: ReadonlyMap<string, string>, node: FlatNode): Partition | undefined {
  const table = probe.get('PART_ENTRY_SCHEME')
  const disk = node.parents[0]
  if (node.type !== 'part' || table === undefined || disk === undefined) return undefined
  const uuid = probe.get('PART_ENTRY_UUID')
  const label = probe.get('PART_ENTRY_NAME')
  const flags = probe.get('PART_ENTRY_FLAGS')
  return {
    table,
    number: Number(probe.get('PART_ENTRY_NUMBER') ?? 0),
    type: (probe.get('PART_ENTRY_TYPE') ?? '').toLowerCase(),
    startBytes: Number(probe.get('PART_ENTRY_OFFSET') ?? 0) * SECTOR_BYTES,
    disk,
    ...(uuid && { uuid }),
    ...(label && { label }),
    ...(flags && { flags }),
  }
}

/** Blocks of `KEY=value` as `blkid -o export` writes them, by device. */
export function parseBlkid(text: string): Map<string, Map<string, string>> {
  const found = new Map<string, Map<string, string>>()
  let current = new Map<string, string>()
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=')
    if (equals < 1) continue
    const key = line.slice(0, equals)
    const value = unescapeBlkid(line.slice(equals + 1))
    if (key === 'DEVNAME') found.set(value, (current = new Map()))
    else current.set(key, value)
  }
  return found
}

/** blkid writes what is not printable as `\x0a` and what a shell would read as `\$`. */
function unescapeBlkid(value: string): string {
  if (!value.includes('\\')) return value
  const bytes = value.replaceAll(/\\x([0-9a-f]{2})|\\(.)/g, (_all, hex: string | undefined, char: string | undefined) =>
    hex === undefined ? Buffer.from(char ?? '').toString('latin1') : String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(bytes, 'latin1').toString()
}

/** Lines of `/sys/block/dm-N/dm/name:TEXT` and the same of uuid. */
function parseMappings(text: string): Map<string, Mapping> {
  const found = new Map<string, { name?: string; uuid?: string }>()
  for (const line of lines(text)) {
    const match = /^\/sys\/block\/(dm-\d+)\/dm\/(name|uuid):(.*)$/.exec(line)
    if (!match) continue
    const [, device = '', key, value = ''] = match
    const entry = found.get(device) ?? {}
    found.set(device, key === 'name' ? { ...entry, name: value } : { ...entry, uuid: value })
  }
  return new Map(
    [...found].flatMap(([device, { name, uuid = '' }]) => (name === undefined ? [] : [[`/dev/${device}`, toMapping(name, uuid)]])),
  )
}

function toMapping(name: string, uuid: string): Mapping {
  const volume = volumeOf(name, uuid)
  return { name, uuid, ...(volume && { volume }) }
}

/** LVM writes `LVM-<group><volume>[-layer]` as the uuid and `group-volume[_layer]` with doubled dashes as the name. */
function volumeOf(name: string, uuid: string): LogicalVolume | undefined {
  const ids = /^LVM-([0-9a-zA-Z]{32})([0-9a-zA-Z]{32})(-.+)?$/.exec(uuid)
  if (!ids) return undefined
  const [volumeGroup = name, volume = ''] = splitVolumeName(plainName(name))
  return { volumeGroup, name: volume, groupId: ids[1]!, id: ids[2]!, isHidden: ids[3] !== undefined }
}

/** "rhel_a--b-root" is the volume root of the group rhel_a-b. */
export function splitVolumeName(name: string): [string, string] | [] {
  const match = /^((?:[^-]|--)+)-((?:[^-]|--)+)/.exec(name)
  return match ? [match[1]!.replaceAll('--', '-'), match[2]!.replaceAll('--', '-')] : []
}

function lines(text: string): string[] {
  return text.split('\n').filter(line => line !== '')
}
