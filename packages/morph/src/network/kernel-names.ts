import { known } from '../detect/known.ts'
import type { GuestFacts } from '../detect/detect.ts'
import { isAtLeast } from '../detect/version.ts'
import type { GuestTree } from '../tree/guest-tree.ts'

const LOADER_TEXTS = [
  '/boot/grub/grub.cfg',
  '/boot/grub2/grub.cfg',
  '/boot/grub/menu.lst',
  '/boot/grub/grub.conf',
  '/boot/extlinux.conf',
  '/boot/extlinux/extlinux.conf',
  '/etc/kernel/cmdline',
]
const NAMING_RULES = ['80-net-setup-link.rules', '80-net-name-slot.rules']

/**
 * Whether cards keep the kernel's names: the command line says `net.ifnames=0`, the rules that give others are masked, or the system is
 * older than those (Debian 8 and Ubuntu 14.04 do not use them, RHEL 6 and SLES 11 know none) or has no udev (Alpine).
 */
export function usesKernelNames(tree: GuestTree, facts: GuestFacts): boolean {
  const isMasked = [...NAMING_RULES.map(name => `/etc/udev/rules.d/${name}`), '/etc/systemd/network/99-default.link'].some(
    path => known(() => tree.lstat(path))?.target === '/dev/null',
  )
  return isMasked || isOlder(facts) || commandLines(tree).some(text => /\bnet\.ifnames=0\b/.test(text))
}

function isOlder({ distribution, init }: GuestFacts): boolean {
  if (init !== 'systemd') return true
  if (distribution === undefined || distribution.versionParts.length === 0) return false
  const isBefore = (...version: number[]): boolean => !isAtLeast(distribution.versionParts, version)
  if (distribution.id === 'debian') return isBefore(9)
  if (distribution.id === 'ubuntu') return isBefore(15, 10)
  // SUSE turns them off in its own kernel packages and writes 70-persistent-net.rules instead; version 16 uses them.
  return distribution.family === 'suse' && isBefore(16)
}

function commandLines(tree: GuestTree): string[] {
  const entries = known(() => tree.glob('/boot/loader/entries/*.conf')) ?? []
  return [...LOADER_TEXTS, ...entries].flatMap(path => known(() => tree.read(path)) ?? [])
}
