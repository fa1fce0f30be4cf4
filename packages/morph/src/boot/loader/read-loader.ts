import type { GuestTree } from '../../tree/guest-tree.ts'
import type { LoaderReading } from './entries.ts'
import { readExtlinux } from './extlinux.ts'
import { readGrub1 } from './grub1.ts'
import { readGrub2 } from './grub2.ts'
import { readSystemdBoot } from './systemd-boot.ts'

/**
 * The boot loader's menu and what it starts by itself, read from its files; `undefined` when none is known. GRUB 2 comes before
 * systemd-boot, because Fedora's /boot/loader belongs to GRUB, unless its menu is empty.
 */
export function readLoader(tree: GuestTree, firmware: 'bios' | 'uefi'): LoaderReading | undefined {
  const found = [readGrub2(tree, firmware), readSystemdBoot(tree), readExtlinux(tree), readGrub1(tree)].filter(
    reading => reading !== undefined,
  )
  return found.find(reading => reading.entries.length > 0) ?? found[0]
}
