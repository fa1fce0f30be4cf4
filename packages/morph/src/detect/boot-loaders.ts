import type { GuestTree } from '../tree/guest-tree.ts'
import { ESP_FOLDERS, findNoCase, findProgram, known } from './known.ts'

export type BootLoaderKind = 'grub2' | 'grub1' | 'systemd-boot' | 'extlinux' | 'lilo' | 'elilo' | 'refind' | 'unified-kernel'

/** A boot loader that seems to be in use, with the file its menu is in. */
export interface BootLoader {
  readonly kind: BootLoaderKind
  readonly config: string
  /** Entries are files of their own in /boot/loader/entries (grub.cfg calls `blscfg`). */
  readonly hasBlsEntries: boolean
}

/** The boot loaders of a guest, the likeliest first. Several may be installed; the firmware decides which one starts. */
export function detectBootLoaders(tree: GuestTree): BootLoader[] {
  const first = (...patterns: readonly string[]): string | undefined =>
    patterns.flatMap(pattern => known(() => tree.glob(pattern)) ?? []).find(path => known(() => tree.exists(path)) === true)
  const onEsp = (...names: readonly string[]): string | undefined =>
    ESP_FOLDERS.map(esp => findNoCase(tree, esp, ...names)).find(path => path !== undefined)
  const efiVendor = (name: string): string | undefined =>
    first(...ESP_FOLDERS.flatMap(esp => [`${esp}/EFI/*/${name}`, `${esp}/efi/*/${name}`]))

  const grub2 = first('/boot/grub2/grub.cfg', '/boot/grub/grub.cfg') ?? efiVendor('grub.cfg')
  // GRUB 2 leaves the old menu where it was: it counts only where there is no new one.
  const grub1 = grub2 === undefined ? (first('/boot/grub/grub.conf', '/boot/grub/menu.lst') ?? efiVendor('grub.conf')) : undefined
  const systemdBoot = onEsp('EFI', 'systemd', 'systemd-bootx64.efi') ?? onEsp('EFI', 'systemd', 'systemd-bootaa64.efi')
  const unified = onEsp('EFI', 'Linux')
  const found: [BootLoaderKind, string | undefined][] = [
    ['grub2', grub2],
    ['grub1', grub1],
    ['systemd-boot', systemdBoot === undefined ? undefined : (onEsp('loader', 'loader.conf') ?? systemdBoot)],
    [
      'extlinux',
      first('/boot/extlinux.conf', '/boot/extlinux/extlinux.conf', '/boot/syslinux/syslinux.cfg', '/boot/syslinux/extlinux.conf'),
    ],
    ['elilo', first('/etc/elilo.conf') ?? efiVendor('elilo.conf')],
    ['lilo', findProgram(tree, 'lilo') === undefined ? undefined : first('/etc/lilo.conf')],
    ['refind', onEsp('EFI', 'refind', 'refind.conf')],
    ['unified-kernel', unified === undefined ? undefined : first(`${unified}/*.efi`)],
  ]
  const hasBls = (known(() => tree.glob('/boot/loader/entries/*.conf')) ?? []).length > 0
  return found.flatMap(([kind, config]) => {
    if (config === undefined) return []
    const isBlsGrub = kind === 'grub2' && hasBls && (known(() => tree.read(config)) ?? 'blscfg').includes('blscfg')
    return [{ kind, config, hasBlsEntries: isBlsGrub || (kind === 'systemd-boot' && hasBls) }]
  })
}
