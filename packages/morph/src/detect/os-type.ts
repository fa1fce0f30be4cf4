import type { GuestTree } from '../tree/guest-tree.ts'
import type { Distribution } from './distribution.ts'
import { findNoCase, known } from './known.ts'

/** The kind of system, in the words that scripts are registered under; "unknown" when nothing tells. */
export type GuestOsType = 'linux' | 'windows' | 'bsd' | 'solaris' | 'osx' | 'esxi' | 'unknown'

export interface OsTypeFact {
  readonly type: GuestOsType
  /** For people, when it is not Linux: "FreeBSD". */
  readonly name: string
}

/** Files that only one system has, letters of either case alike. */
const SIGNS: readonly (readonly [GuestOsType, string, readonly string[]])[] = [
  ['windows', 'Windows', ['Windows', 'System32', 'config']],
  ['windows', 'Windows', ['WINNT', 'System32', 'config']],
  ['windows', 'Windows', ['bootmgr']],
  ['windows', 'Windows', ['Boot', 'BCD']],
  ['windows', 'Windows', ['EFI', 'Microsoft', 'Boot', 'BCD']],
  ['bsd', 'FreeBSD', ['etc', 'freebsd-update.conf']],
  ['bsd', 'FreeBSD', ['bin', 'freebsd-version']],
  ['bsd', 'OpenBSD', ['bsd.rd']],
  ['bsd', 'NetBSD', ['netbsd']],
  ['esxi', 'VMware ESXi', ['etc', 'vmware', 'esx.conf']],
  ['esxi', 'VMware ESXi', ['state.tgz']],
  ['osx', 'macOS', ['System', 'Library', 'CoreServices']],
  ['solaris', 'Solaris', ['kernel', 'genunix']],
  ['solaris', 'Solaris', ['etc', 'svc', 'repository.db']],
]

/** Windows and other systems by what only they have; a Linux by its release file, or else by its modules and fstab. */
export function detectOsType(tree: GuestTree, distribution: Distribution | undefined): OsTypeFact {
  if (distribution?.id === 'freebsd' || distribution?.id === 'pfsense') return { type: 'bsd', name: distribution.prettyName }
  if (distribution !== undefined) return { type: 'linux', name: distribution.prettyName }
  const sign = SIGNS.find(([, , names]) => isThere(tree, names))
  if (sign !== undefined) return { type: sign[0], name: sign[1] }
  const isLinux = ['/lib/modules', '/etc/fstab', '/etc/inittab'].filter(path => known(() => tree.exists(path)) === true).length > 0
  return isLinux ? { type: 'linux', name: 'an unknown Linux' } : { type: 'unknown', name: 'an unknown system' }
}

function isThere(tree: GuestTree, names: readonly string[]): boolean {
  return findNoCase(tree, '/', ...names) !== undefined
}
