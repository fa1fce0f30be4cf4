import type { BlockDevice } from '../storage/block-device.ts'

/** What was seen in one folder that may be a root: the top of a filesystem or a btrfs subvolume. Nothing was executed or followed out of it. */
export interface Evidence {
  readonly device: BlockDevice
  readonly subvolume?: Subvolume
  readonly fstab?: string
  readonly crypttab?: string
  readonly mdadm?: string
  readonly osRelease?: string
  /** os-release or the release file of an older system. */
  readonly hasRelease: boolean
  readonly hasModules: boolean
  readonly hasPackages: boolean
  readonly hasInit: boolean
  /** A boot loader of Windows. */
  readonly hasWindows: boolean
  /** Kernel command lines in boot loader files of this folder. */
  readonly loaderLines: readonly string[]
  /** Newest log, seconds since 1970; 0 when there is none. */
  readonly newestLog: number
}

export interface Subvolume {
  readonly id: number
  /** From the top of the filesystem, without a first slash; "" is the top itself. */
  readonly path: string
  readonly isDefault: boolean
}

/** Filesystems that a morph mounts. Others are reported and left alone. */
export const MOUNTABLE: ReadonlySet<string> = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'vfat'])

/** A filesystem that was laid open for the look, or why it could not be. */
export interface OpenedFilesystem {
  readonly index: number
  readonly error?: string
  readonly subvolumes: readonly Subvolume[]
  /** An NTFS with a system folder; it is not mounted. */
  readonly hasWindows?: boolean
}

/** The btrfs top level. */
const TOP_ID = 5
/** A real machine has tens; a snapshot tool without limits has thousands, and the newest are of no use here. */
const MAX_SUBVOLUMES = 500

/** Reads what the open script printed: `M index [error]`, `W index`, `S index id path`, `D index id`; texts in base64. */
export function parseOpened(output: string): OpenedFilesystem[] {
  const found = new Map<number, { error?: string; subvolumes: [number, string][]; defaultId: number; hasWindows?: boolean }>()
  for (const line of output.split('\n')) {
    const [kind, number, id = '', text = ''] = line.split('\t')
    const index = Number(number)
    if (kind === 'M') found.set(index, { subvolumes: [], defaultId: TOP_ID, ...(id !== '' && { error: decode(id).trim() }) })
    if (kind === 'W') found.set(index, { subvolumes: [], defaultId: TOP_ID, hasWindows: true })
    const entry = found.get(index)
    if (kind === 'S' && entry && entry.subvolumes.length < MAX_SUBVOLUMES && isInside(decode(text)))
      entry.subvolumes.push([Number(id), decode(text)])
    if (kind === 'D' && entry) entry.defaultId = Number(id) || TOP_ID
  }
  return [...found].map(([index, { error, subvolumes, defaultId, hasWindows }]) => ({
    index,
    ...(hasWindows && { hasWindows }),
    ...(error !== undefined && { error: error || 'it does not mount' }),
    subvolumes: subvolumes.map(([id, path]) => ({ id, path, isDefault: id === defaultId })),
  }))
}

/** A name with a newline can pretend to be another line. */
function isInside(path: string): boolean {
  return path !== '' && !path.startsWith('/') && !path.split('/').includes('..') && !path.includes('\0')
}

export type Facts = ReadonlyMap<string, readonly string[]>

/** Reads what the look script printed: after each `C index`, lines of `key base64`. */
export function parseFacts(output: string): Map<number, Facts> {
  const found = new Map<number, Map<string, string[]>>()
  let current = new Map<string, string[]>()
  for (const line of output.split('\n')) {
    const [key = '', value = ''] = line.split('\t')
    if (key === 'C') found.set(Number(value), (current = new Map()))
    else if (key !== '') addTo(current, key, decode(value))
  }
  return found
}

function addTo(facts: Map<string, string[]>, key: string, value: string): void {
  const known = facts.get(key)
  if (known === undefined) facts.set(key, [value])
  else known.push(value)
}

export function toEvidence(device: BlockDevice, subvolume: Subvolume | undefined, facts: Facts): Evidence {
  const text = (key: string) => {
    const [value] = facts.get(key) ?? []
    return value === undefined ? {} : { [key]: value }
  }
  return {
    device,
    ...(subvolume && { subvolume }),
    ...text('fstab'),
    ...text('crypttab'),
    ...text('mdadm'),
    ...text('osRelease'),
    hasRelease: facts.has('release') || facts.has('osRelease'),
    hasModules: facts.has('modules'),
    hasPackages: facts.has('packages'),
    hasInit: facts.has('init'),
    hasWindows: facts.has('windows'),
    loaderLines: (facts.get('loader') ?? []).flatMap(lines => lines.split('\n')).filter(Boolean),
    newestLog: newest((facts.get('log') ?? []).flatMap(times => times.split('\n'))),
  }
}

/** By hand: a folder of a million logs is more than a call takes arguments. */
function newest(times: readonly string[]): number {
  return times.reduce((latest, text) => (Number(text) > latest ? Number(text) : latest), 0)
}

/** UTF-8 where it is, else byte by byte, so that nothing is lost of a file in another encoding. */
function decode(base64: string): string {
  const bytes = Buffer.from(base64, 'base64')
  const text = bytes.toString()
  return Buffer.from(text).equals(bytes) ? text : bytes.toString('latin1')
}
