/** One folder of the guest that a morph looks into. Its names are listed with mode, owner and size; contents only as `read` says. */
export interface Wanted {
  /** From the root, without links; `*` stands for any one name. */
  readonly folder: string
  /** Everything below as well. */
  readonly isDeep?: boolean
  /** The files, by name, whose content is loaded. Absent: none. */
  readonly read?: RegExp
  /** Of one file; larger ones keep their metadata only. Default `FILE_LIMIT_BYTES`. */
  readonly maxBytes?: number
  /** The folder's usual path, where a link of the guest leads from that to `folder`. */
  readonly standsFor?: string
}

export const FILE_LIMIT_BYTES = 1024 * 1024
const DATABASE_LIMIT_BYTES = 64 * 1024 * 1024

const ALL = /^/
/** Texts of boot loaders: never kernels, initramfs images or EFI programs, which are read where they lie. */
const LOADER_TEXT = /\.(?:cfg|conf|lst|map|csv|env|nsh)$|^(?:grubenv|cmdline|default|entries\.srel|config-.*)$/i
const MODULE_INDEX = /^(?:modules\.(?:dep|builtin|alias|softdep|order|builtin\.modinfo)|pkgbase)$/

/**
 * What is loaded of every guest, from what morphing.md names. `/lib` and `/usr/lib` are both listed: one is a link on most systems. A step
 * that reads something new adds a line here; until then `guest.not-loaded` tells it so.
 */
export const WANTED: readonly Wanted[] = [
  { folder: '/etc', isDeep: true, read: ALL },
  { folder: '/usr/etc', isDeep: true, read: ALL },
  { folder: '/boot', isDeep: true, read: LOADER_TEXT },
  { folder: '/efi', isDeep: true, read: LOADER_TEXT },
  ...['/lib', '/usr/lib'].flatMap(lib => [
    { folder: lib, read: /^(?:os-release|initrd-release)$/ },
    { folder: `${lib}/modules`, isDeep: true, read: MODULE_INDEX, maxBytes: 16 * FILE_LIMIT_BYTES },
    { folder: `${lib}/systemd`, read: /^$/ },
    ...['system', 'system-preset', 'network'].map(name => ({
      folder: `${lib}/systemd/${name}`,
      isDeep: true,
      read: ALL,
    })),
    ...['modprobe.d', 'modules-load.d', 'sysctl.d', 'udev/rules.d', 'dracut/dracut.conf.d', 'kernel', 'netplan', 'NetworkManager'].map(
      name => ({ folder: `${lib}/${name}`, isDeep: true, read: ALL }),
    ),
    { folder: `${lib}/grub` },
    ...['shim', 'systemd/boot', 'systemd/system-generators', 'dracut/modules.d', 'initcpio'].map(name => ({
      folder: `${lib}/${name}`,
      isDeep: true,
    })),
    { folder: `${lib}/apk/db`, read: /^(?:installed|lock)$/, maxBytes: DATABASE_LIMIT_BYTES },
    { folder: `${lib}/opkg`, read: /^status$/, maxBytes: DATABASE_LIMIT_BYTES },
    { folder: `${lib}/sysimage/rpm` },
  ]),
  // A shell's ELF header tells the architecture.
  ...['/bin', '/usr/bin'].map(folder => ({ folder, read: /^(?:sh|bash|dash|busybox)$/, maxBytes: 4 * FILE_LIMIT_BYTES })),
  { folder: '/sbin' },
  { folder: '/usr/sbin' },
  { folder: '/usr/share/initramfs-tools', isDeep: true, read: ALL },
  { folder: '/var/lib/dpkg', read: /^(?:status|arch|diversions|statoverride)$/, maxBytes: DATABASE_LIMIT_BYTES },
  { folder: '/var/lib/dpkg/updates' },
  { folder: '/var/lib/dpkg/status.d', read: ALL },
  { folder: '/var/lib/rpm' },
  { folder: '/var/cache/debconf', read: /^config\.dat$/, maxBytes: 8 * FILE_LIMIT_BYTES },
  { folder: '/var/lib/pacman/local' },
  { folder: '/var/lib/opkg', read: /^status$/, maxBytes: DATABASE_LIMIT_BYTES },
  { folder: '/var/lib/cloud', isDeep: true, read: ALL },
  { folder: '/var/lib/instar', isDeep: true },
  ...['NetworkManager', 'dhcp', 'dhclient', 'wicked', 'dbus', 'systemd/network'].map(name => ({
    folder: `/var/lib/${name}`,
    isDeep: true,
    read: ALL,
  })),
  { folder: '/ostree' },
  { folder: '/sysroot/ostree' },
]

/** For `find -regex`: folders of GRUB's modules, hundreds each, whose names nobody asks for. They are named, not listed. */
export const GRUB_MODULES = String.raw`\./boot/grub2?/[a-z0-9_]+-[a-z]+`

/** Empty in a machine that does not run, whatever stands there: mount points of the kernel and of memory. */
export const EMPTY_AT_REST = ['/proc', '/sys', '/dev', '/run', '/tmp'] as const

/** Never taken out of the guest, though they lie in a folder that is read: no step needs them. */
const SECRETS = /^\/etc\/(?:g?shadow-?|ssh\/ssh_host_[^/]*_key|ssl\/private\/.*|krb5\.keytab)$/

/** Links from here lead to programs and certificates, whose content no step reads. */
const LINKS_TO_NOTHING_OF_OURS = /^\/etc\/(?:alternatives|ssl|pki|ca-certificates|rc[\dS]*\.d|rc\.d)\//

/** The wanted folders and those that the caller names: a file, or a folder with all it holds. */
export function withPaths(paths: readonly string[]): readonly Wanted[] {
  const extra = paths.flatMap(path => {
    const parent = path.slice(0, path.lastIndexOf('/')) || '/'
    const name = path.slice(path.lastIndexOf('/') + 1)
    return [
      { folder: parent, read: new RegExp(`^${escaped(name)}$`) },
      { folder: path, isDeep: true, read: ALL },
    ]
  })
  return [...WANTED, ...extra]
}

/** For `find -regextype posix-extended -regex`: the folders, as "./usr/lib", that are wanted or lie on the way to one. */
export function descendPattern(wanted: readonly Wanted[]): string {
  const one = ({ folder, isDeep }: Wanted): string =>
    folder
      .split('/')
      .filter(part => part !== '')
      .map(part => `/${escaped(part).replaceAll(String.raw`\*`, '[^/]*')}`)
      .reduceRight((below, part) => `(${part}${below})?`, isDeep === true ? '(/.*)?' : '')
  return `\\.(${wanted.map(one).join('|')})`
}

/** How many bytes of a file are read at most: 0 where it is not wanted. */
export function readLimit(wanted: readonly Wanted[], path: string): number {
  const folder = path.slice(0, path.lastIndexOf('/')) || '/'
  const name = path.slice(path.lastIndexOf('/') + 1)
  const fitting = wanted.filter(each => each.read?.test(name) === true && isIn(each, folder))
  if ([path, ...fitting.map(each => usualPath(each, path))].some(usual => SECRETS.test(usual))) return 0
  return Math.max(0, ...fitting.map(each => each.maxBytes ?? FILE_LIMIT_BYTES))
}

function usualPath({ folder, standsFor = folder }: Wanted, path: string): string {
  return `${standsFor}${path.slice(folder.length)}`
}

/** Whether what a link points to is read as if it stood where the link is. */
export function followsFrom(path: string): boolean {
  return !LINKS_TO_NOTHING_OF_OURS.test(path)
}

function isIn({ folder, isDeep }: Wanted, of: string): boolean {
  return of === folder || (isDeep === true && of.startsWith(`${folder}/`))
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}
