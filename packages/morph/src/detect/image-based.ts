import type { GuestTree } from '../tree/guest-tree.ts'
import type { Distribution } from './distribution.ts'
import { findProgram, known } from './known.ts'

/** A system whose files are made elsewhere and must not be changed by hand. */
export interface ImageBased {
  readonly kind: 'ostree' | 'bootc' | 'transactional-update' | 'nixos' | 'ubuntu-core' | 'flatcar' | 'openwrt'
  readonly reason: string
}

/** Read-only and image-based systems: packages there are changed in their own way or not at all. */
export function detectImageBased(tree: GuestTree, distribution: Distribution | undefined): ImageBased | undefined {
  const has = (path: string): boolean => known(() => tree.lstat(path)) !== undefined
  if (has('/usr/lib/bootc') && has('/sysroot/ostree')) return { kind: 'bootc', reason: '/usr/lib/bootc and /sysroot/ostree are there' }
  for (const path of ['/ostree/repo', '/sysroot/ostree/repo']) if (has(path)) return { kind: 'ostree', reason: `${path} is there` }
  // The program alone is also on ordinary Tumbleweed; a read-only root is what makes the difference.
  if (/micro/.test(distribution?.id ?? '') && findProgram(tree, 'transactional-update') !== undefined)
    return { kind: 'transactional-update', reason: `${distribution?.id} changes its root in snapshots` }
  if (distribution?.id === 'nixos' || has('/etc/NIXOS')) return { kind: 'nixos', reason: '/etc is generated from /nix/store' }
  if (distribution?.id === 'ubuntu-core') return { kind: 'ubuntu-core', reason: 'os-release says ubuntu-core' }
  if (distribution?.family === 'flatcar') return { kind: 'flatcar', reason: '/usr is one of two sealed partitions' }
  if (distribution?.family === 'openwrt' && has('/rom')) return { kind: 'openwrt', reason: '/rom holds the root, changes are an overlay' }
  return undefined
}
