import type { GuestTree } from '../tree/guest-tree.ts'
import { findProgram, known } from './known.ts'

/** The list of what is installed, and the form it is in. */
export interface PackageDatabase {
  readonly kind: 'dpkg' | 'rpm' | 'apk' | 'pacman' | 'opkg'
  readonly path: string
  /** Of rpm: which library wrote it. */
  readonly format?: 'sqlite' | 'ndb' | 'bdb'
}

export type PackageManager =
  | 'apt'
  | 'dnf5'
  | 'dnf'
  | 'microdnf'
  | 'tdnf'
  | 'yum'
  | 'zypper'
  | 'transactional-update'
  | 'rpm-ostree'
  | 'apk'
  | 'pacman'
  | 'opkg'

const RPM_FILES = [
  ['rpmdb.sqlite', 'sqlite'],
  ['Packages.db', 'ndb'],
  ['Packages', 'bdb'],
] as const

/** Programs in the order in which they are to be preferred: what knows how to change this kind of system comes first. */
const MANAGERS: Readonly<Record<PackageDatabase['kind'], readonly (readonly [program: string, manager: PackageManager])[]>> = {
  dpkg: [['apt-get', 'apt']],
  rpm: [
    ['rpm-ostree', 'rpm-ostree'],
    ['transactional-update', 'transactional-update'],
    ['zypper', 'zypper'],
    ['apt-get', 'apt'],
    ['dnf5', 'dnf5'],
    ['dnf', 'dnf'],
    ['yum', 'yum'],
    ['microdnf', 'microdnf'],
    ['tdnf', 'tdnf'],
  ],
  apk: [['apk', 'apk']],
  pacman: [['pacman', 'pacman']],
  opkg: [['opkg', 'opkg']],
}

export function detectPackageDatabase(tree: GuestTree): PackageDatabase | undefined {
  const has = (path: string): boolean => known(() => tree.exists(path)) === true
  for (const path of ['/var/lib/dpkg/status', '/var/lib/dpkg/status.d']) if (has(path)) return { kind: 'dpkg', path }
  for (const folder of ['/usr/lib/sysimage/rpm', '/var/lib/rpm', '/usr/share/rpm']) {
    const found = RPM_FILES.find(([name]) => has(`${folder}/${name}`))
    if (found !== undefined) return { kind: 'rpm', path: `${folder}/${found[0]}`, format: found[1] }
  }
  if (has('/lib/apk/db/installed')) return { kind: 'apk', path: '/lib/apk/db/installed' }
  if (has('/var/lib/pacman/local')) return { kind: 'pacman', path: '/var/lib/pacman/local' }
  const opkg = ['/usr/lib/opkg/status', '/var/lib/opkg/status'].find(has)
  return opkg === undefined ? undefined : { kind: 'opkg', path: opkg }
}

/** The program that installs packages on this system; none on images without one. */
export function detectPackageManager(tree: GuestTree, database: PackageDatabase | undefined): PackageManager | undefined {
  const candidates = database === undefined ? [] : MANAGERS[database.kind]
  return candidates.find(([program]) => findProgram(tree, program) !== undefined)?.[1]
}

/** Whether dpkg's list has this package as installed (half-installed ones are not). */
export function isDpkgInstalled(tree: GuestTree, name: string): boolean {
  const status = known(() => tree.read('/var/lib/dpkg/status')) ?? ''
  const at = `\n${status}`.indexOf(`\nPackage: ${name}\n`)
  if (at < 0) return false
  const end = status.indexOf('\n\n', at)
  return /^Status: \S+ ok installed$/m.test(status.slice(at, end < 0 ? undefined : end))
}
