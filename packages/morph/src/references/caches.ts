import type { GuestTree } from '../tree/guest-tree.ts'
import type { Outcome } from './outcome.ts'
import { newOutcome } from './outcome.ts'
import { setAside } from './set-aside.ts'

/** Made again by the tools themselves from the disks they find. */
const DEVICE_CACHES = ['/etc/blkid/blkid.tab', '/etc/blkid.tab', '/etc/lvm/cache/.cache']
/** Written by hand at times, so kept beside; without it GRUB looks at the disks. */
const DEVICE_MAPS = ['/boot/grub/device.map', '/boot/grub2/device.map']

/** Removes caches of the source's device names, and moves GRUB's device maps aside. */
export function dropDeviceCaches(tree: GuestTree): Outcome {
  const outcome = newOutcome()
  for (const path of DEVICE_CACHES.filter(path => tree.lstat(path)?.kind === 'file')) {
    tree.remove(path)
    outcome.changes.push(`${path}: removed, a cache of the old platform's device names`)
  }
  for (const path of DEVICE_MAPS.filter(path => tree.lstat(path)?.kind === 'file')) {
    if (!/^[ \t]*\(\w+\)/m.test(tree.read(path) ?? '')) continue
    outcome.changes.push(`${path}: moved to ${setAside(tree, path)}; it maps the disks of the old platform`)
  }
  return outcome
}
