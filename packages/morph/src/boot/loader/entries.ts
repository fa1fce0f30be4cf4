import { isFile } from '../guest-files.ts'
import type { GuestTree } from '../../tree/guest-tree.ts'

export interface BootFile {
  /** As the loader's configuration names it, from the root of the filesystem that the loader reads. */
  readonly written: string
  /** Where it is in the guest; absent = not there. */
  readonly path?: string
}

export interface LoaderEntry {
  /** By which a default can name it. */
  readonly id: string
  readonly title: string
  readonly kernel: BootFile
  readonly initrds: readonly BootFile[]
  /** Variables of the loader filled in. */
  readonly cmdline: string
  /** The file that it stands in. */
  readonly source: string
}

export interface LoaderReading {
  readonly kind: 'grub2' | 'grub1' | 'systemd-boot' | 'extlinux'
  readonly configFiles: readonly string[]
  readonly entries: readonly LoaderEntry[]
  /** What starts without anybody at the keyboard; absent when there is no entry. */
  readonly default?: LoaderEntry
  /** Where the default came from: "saved_entry of grubenv". */
  readonly defaultFrom: string
}

/** Where the guest has a file that a loader names: the loader's root may be /boot, the ESP, / or a btrfs subvolume above it. */
export function findBootFile(tree: GuestTree, written: string): BootFile {
  const bare = written
    .replace(/^\([^)]*\)/, '')
    .replace(/^(\$root|\$\{root\})/, '')
    .replaceAll('\\', '/')
  const path = `/${bare.replace(/^\/+/, '')}`
  const fromBoot = path.lastIndexOf('/boot/')
  const below = path.indexOf('/', 1)
  const candidates = [
    `/boot${path}`,
    path,
    ...(fromBoot > 0 ? [path.slice(fromBoot)] : []),
    ...(below > 0 ? [path.slice(below)] : []),
    ...['/boot/efi', '/efi', '/boot/EFI'].map(esp => esp + path),
  ]
  const found = candidates.find(candidate => isFile(tree, candidate))
  return { written, ...(found === undefined ? {} : { path: found }) }
}

/** A kernel takes 2,048 to 4,096 bytes; the bounds keep a hostile menu from filling the memory. */
const MAX_CMDLINE = 16_384
const MAX_VALUE = 4096

/** Fills in `$name` and `${name}`; unknown names become nothing, as in GRUB. */
export function expandVariables(text: string, variables: ReadonlyMap<string, string>): string {
  const valueOf = (_: string, name: string): string => (variables.get(name) ?? '').slice(0, MAX_VALUE)
  return text
    .slice(0, MAX_CMDLINE)
    .replaceAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?/g, valueOf)
    .slice(0, MAX_CMDLINE)
    .trim()
}
