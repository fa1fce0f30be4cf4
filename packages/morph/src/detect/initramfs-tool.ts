import type { GuestTree } from '../tree/guest-tree.ts'
import { findProgram, known } from './known.ts'
import { isDpkgInstalled } from './packages.ts'

export type InitramfsTool =
  | 'initramfs-tools'
  | 'dracut'
  | 'mkinitrd'
  | 'mkinitcpio'
  | 'mkinitfs'
  | 'make-initrd'
  | 'booster'
  | 'genkernel'
  | 'none'

/** After dracut, whose packages bring a `mkinitrd` of their own that only calls it (RHEL 6, SUSE 12 and later). */
const BY_PROGRAM: readonly (readonly [string, InitramfsTool])[] = [
  ['dracut', 'dracut'],
  ['mkinitcpio', 'mkinitcpio'],
  ['mkinitfs', 'mkinitfs'],
  ['make-initrd', 'make-initrd'],
  ['mkinitrd', 'mkinitrd'],
  ['booster', 'booster'],
  ['genkernel', 'genkernel'],
]

/** What builds the guest's initramfs. The image that is there may still come from another one: look into it. */
export function detectInitramfsTool(tree: GuestTree): InitramfsTool {
  if (isInitramfsToolsReal(tree)) return 'initramfs-tools'
  const chosen = /^\s*initrd_generator\s*=\s*(\w+)/m.exec(known(() => tree.read('/etc/kernel/install.conf')) ?? '')?.[1]
  const candidates = BY_PROGRAM.filter(([program]) => findProgram(tree, program) !== undefined)
  return (candidates.find(([program]) => program === chosen) ?? candidates[0])?.[1] ?? 'none'
}

/** With dracut on Debian and Ubuntu 25.10 and later, update-initramfs is a wrapper for it. */
function isInitramfsToolsReal(tree: GuestTree): boolean {
  if (findProgram(tree, 'update-initramfs') === undefined) return false
  return findProgram(tree, 'dracut') === undefined || isDpkgInstalled(tree, 'initramfs-tools')
}
