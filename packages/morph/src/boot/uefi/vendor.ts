import { namesIn, sizeOf, textOf } from '../guest-files.ts'
import type { GuestTree } from '../../tree/guest-tree.ts'
import { findOnFat } from './fat.ts'

/** The loaders that a distribution put in its own folder of the ESP. */
export interface EfiVendor {
  /** "/boot/efi/EFI/debian" */
  readonly folder: string
  /** What firmware starts: shim where there is one. */
  readonly first: string
  /** What shim starts then. */
  readonly second?: string
  readonly mokManager?: string
  readonly config?: string
  readonly kind: 'shim' | 'grub' | 'systemd-boot' | 'grub1' | 'other'
}

/** Folders that hold no loader of an installed Linux. */
const NOT_VENDORS = new Set(['boot', 'microsoft', 'linux', 'tools', 'dell', 'hp', 'apple', 'memtest86'])
/** Folder names that differ from the ID in os-release. */
const FOLDER_OF: Readonly<Record<string, readonly string[]>> = {
  rhel: ['redhat'],
  ol: ['redhat'],
  sles: ['sles', 'suse'],
  'opensuse-leap': ['opensuse'],
  'opensuse-tumbleweed': ['opensuse'],
  amzn: ['amzn', 'amazon'],
  arch: ['arch', 'grub'],
}

/** The vendors on an ESP, the one of the installed system first. */
export function findVendors(tree: GuestTree, esp: string, suffix: string): EfiVendor[] {
  const efi = findOnFat(tree, esp, 'EFI')
  if (efi === undefined) return []
  const wanted = wantedFolders(tree)
  const rank = (name: string): number => wanted.indexOf(name.toLowerCase()) + 1 || wanted.length + 1
  const names = namesIn(tree, efi).filter(name => !NOT_VENDORS.has(name.toLowerCase()))
  const sorted = names.sort((left, right) => rank(left) - rank(right))
  return sorted.flatMap(name => vendorIn(tree, `${efi}/${name}`, suffix) ?? [])
}

function wantedFolders(tree: GuestTree): string[] {
  const release = textOf(tree, '/etc/os-release') || textOf(tree, '/usr/lib/os-release')
  const value = (key: string): string[] => new RegExp(`^${key}=["']?([^"'\\n]*)`, 'm').exec(release)?.[1]?.split(/\s+/) ?? []
  return [...value('ID'), ...value('ID_LIKE')].flatMap(id => FOLDER_OF[id] ?? [id])
}

function vendorIn(tree: GuestTree, folder: string, suffix: string): EfiVendor | undefined {
  const find = (...names: string[]): string | undefined =>
    names.map(name => findOnFat(tree, folder, name)).find(path => path !== undefined && sizeOf(tree, path) > 0)
  const [shim, grub] = [find(`shim${suffix}.efi`, 'shim.efi'), find(`grub${suffix}.efi`, 'grub.efi')]
  const [mokManager, config] = [find(`mm${suffix}.efi`, 'MokManager.efi'), find('grub.cfg')]
  const common = { folder, ...(mokManager === undefined ? {} : { mokManager }), ...(config === undefined ? {} : { config }) }
  if (shim !== undefined && grub !== undefined) return { ...common, kind: 'shim', first: shim, second: grub }
  const grub1Config = find('grub.conf')
  if (grub !== undefined && grub1Config !== undefined && config === undefined)
    return { folder, kind: 'grub1', first: grub, config: grub1Config }
  if (grub !== undefined) return { ...common, kind: 'grub', first: grub }
  const systemdBoot = find(`systemd-boot${suffix}.efi`)
  if (systemdBoot !== undefined) return { folder, kind: 'systemd-boot', first: systemdBoot }
  const other = find(`refind_${suffix}.efi`, 'elilo.efi', `limine${suffix}.efi`, 'vmlinuz.efi')
  return other === undefined ? undefined : { folder, kind: 'other', first: other }
}
