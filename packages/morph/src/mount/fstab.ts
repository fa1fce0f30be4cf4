/** One line of /etc/fstab that means something; `text` is the line as it stands, for messages and edits. */
export interface FstabLine {
  /** From 1. */
  readonly number: number
  readonly text: string
  /** Field 1 with quotes and escapes taken away: "UUID=…", "/dev/…", "server:/path". */
  readonly spec: string
  /** Field 2, decoded and normalised ("/var//lib/" is "/var/lib"); "none" and "swap" stay. */
  readonly mountPoint: string
  readonly type: string
  readonly options: readonly string[]
  readonly dump: number
  readonly pass: number
  readonly class: FstabClass
}

/**
 * What a line means for the morph: `root`; `needed` (packages, kernels or boot loader live there: missing stops the morph); `optional`;
 * `pseudo` (never mounted); `swap`; `network`; `duplicate` (the mount point has a line already); `nonsense`.
 */
export type FstabClass = 'root' | 'needed' | 'optional' | 'pseudo' | 'swap' | 'network' | 'duplicate' | 'nonsense'

/** A real file has tens of lines; what is beyond is not looked at. */
const MAX_LINES = 10_000
const PSEUDO_TYPES = new Set(
  'tmpfs proc sysfs devpts devtmpfs overlay aufs cgroup cgroup2 debugfs tracefs securityfs configfs mqueue hugetlbfs efivarfs bpf fusectl binfmt_misc ramfs usbfs rpc_pipefs pstore selinuxfs autofs squashfs iso9660 udf'.split(
    ' ',
  ),
)
const NETWORK_TYPES =
  /^(nfs4?|cifs|smbfs|smb3|ceph|glusterfs|afs|9p|virtiofs|sshfs|davfs|lustre|gfs2?|ocfs2|gpfs|beegfs|ncpfs|fuse(\..*)?)$/
/** Folders without which detection, packages or the boot loader would work on half a system. */
const NEEDED = /^\/(usr|var|etc|boot|efi|usr\/(lib|bin|sbin|share)|var\/lib|var\/lib\/(dpkg|rpm|apt|pacman))$|^\/boot\//

/**
 * Reads an fstab. Never throws: what cannot be read becomes a line of class `nonsense`. Rules: fstab(5) and libmount: fields parted by
 * blanks, the last two optional, octal escapes, a comment only as the first non-blank character, extra fields ignored.
 */
export function parseFstab(text: string): FstabLine[] {
  const taken = new Set<string>()
  return text
    .split('\n', MAX_LINES)
    .map((line, index) => parseLine(line, index + 1))
    .filter(line => line !== undefined)
    .map(line => {
      // systemd takes the first line of a mount point and warns of the others; swap and nonsense have none.
      const isPlace = !['swap', 'nonsense'].includes(line.class)
      if (isPlace && taken.has(line.mountPoint)) return { ...line, class: 'duplicate' as const }
      if (isPlace) taken.add(line.mountPoint)
      return line
    })
}

function parseLine(text: string, number: number): FstabLine | undefined {
  const fields = text.split(/[ \t\r]+/).filter(field => field !== '')
  const [first, second, type, options, dump, pass] = fields
  if (first === undefined || first.startsWith('#')) return undefined
  const line = {
    number,
    text,
    spec: unquoteSpec(decodeOctal(first)),
    mountPoint: normalizePath(decodeOctal(second ?? '')),
    type: type ?? 'auto',
    options: (options ?? 'defaults').split(',').filter(option => option !== ''),
    dump: toNumber(dump),
    pass: toNumber(pass),
  }
  return { ...line, class: second === undefined || type === undefined ? 'nonsense' : classify(line) }
}

function classify({ spec, mountPoint, type, options }: Omit<FstabLine, 'class'>): FstabClass {
  if (type === 'swap') return 'swap'
  if (!mountPoint.startsWith('/') || mountPoint.includes('\0')) return type === 'ignore' || mountPoint === 'none' ? 'pseudo' : 'nonsense'
  if (isNetwork(spec, type)) return 'network'
  if (PSEUDO_TYPES.has(type) || options.includes('bind') || options.includes('rbind') || options.includes('loop')) return 'pseudo'
  if (!/^([A-Z]+=|\/dev\/)/.test(spec)) return spec.startsWith('/') ? 'pseudo' : 'nonsense'
  if (mountPoint === '/') return 'root'
  return NEEDED.test(mountPoint) ? 'needed' : 'optional'
}

function isNetwork(spec: string, type: string): boolean {
  return NETWORK_TYPES.test(type) || spec.startsWith('//') || /^[^/=]+:\//.test(spec)
}

/** `\040` is a blank, `\011` a tab, `\012` a newline, `\043` "#", `\134` a backslash; other backslashes stay. */
export function decodeOctal(field: string): string {
  return field.replaceAll(/\\([0-3][0-7]{2})/g, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

/** The reverse of `decodeOctal` for a field of fstab or mountinfo. */
export function encodeOctal(value: string): string {
  return value.replaceAll(/[ \t\n\r\\#]/g, char => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`)
}

/** libblkid accepts quotes around the value of a tag: UUID="…". */
function unquoteSpec(spec: string): string {
  const match = /^([A-Z]+=)?(["'])(.*)\2$/.exec(spec)
  return match ? `${match[1] ?? ''}${match[3]}` : spec
}

/** "/a//b/../c/" is "/a/c", without a look at any disk; ".." never leaves the root. */
export function normalizePath(path: string): string {
  if (!path.startsWith('/')) return path
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

/** How deep a mount point lies: mounts go by this, not by the length of the text. */
export function depthOf(path: string): number {
  return path.split('/').filter(part => part !== '').length
}

function toNumber(field: string | undefined): number {
  return field !== undefined && /^\d{1,6}$/.test(field) ? Number(field) : 0
}
