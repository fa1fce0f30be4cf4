import type { GuestTree } from '../tree/guest-tree.ts'
import { findProgram, known } from './known.ts'

export type InitSystem = 'systemd' | 'upstart' | 'sysvinit' | 'openrc' | 'runit' | 's6' | 'procd' | 'busybox' | 'unknown'

/**
 * What runs as process 1. /sbin/init decides, not what lies around: Debian 7 and Ubuntu 14.04 have /lib/systemd/system without booting with
 * systemd, Ubuntu 16.04 has /etc/init/*.conf without booting with upstart.
 */
export function detectInit(tree: GuestTree): InitSystem {
  const init = ['/sbin/init', '/usr/sbin/init', '/init', '/bin/init'].find(path => known(() => tree.lstat(path)) !== undefined)
  const program = init === undefined ? undefined : programBehind(tree, init)
  switch (program) {
    case undefined:
      return 'unknown'
    case 'systemd':
      return 'systemd'
    case 'openrc-init':
      return 'openrc'
    case 'runit-init':
    case 'runit':
      return 'runit'
    case 's6-svscan':
    case 's6-linux-init':
      return 's6'
    case 'procd':
      return 'procd'
    case 'upstart':
      return 'upstart'
    case 'busybox':
      return hasOpenRc(tree) ? 'openrc' : 'busybox'
    default:
      return ownProgram(tree)
  }
}

/** The last name along the links of /sbin/init, also where it leads to a folder that was not loaded. */
function programBehind(tree: GuestTree, init: string): string {
  const real = known(() => tree.realpath(init))
  const last = real ?? tree.lstat(init)?.target ?? init
  return last.slice(last.lastIndexOf('/') + 1)
}

/** /sbin/init is a program of its own, which does not say whose. */
function ownProgram(tree: GuestTree): InitSystem {
  const has = (path: string): boolean => known(() => tree.exists(path)) === true
  if (findProgram(tree, 'procd') !== undefined) return 'procd'
  if (findProgram(tree, 'initctl') !== undefined && (known(() => tree.glob('/etc/init/*.conf')) ?? []).length > 0) return 'upstart'
  if (hasOpenRc(tree)) return 'openrc'
  if (has('/etc/runit/1') && !has('/etc/inittab')) return 'runit'
  return has('/etc/inittab') ? 'sysvinit' : 'unknown'
}

function hasOpenRc(tree: GuestTree): boolean {
  return findProgram(tree, 'openrc') !== undefined && known(() => tree.exists('/etc/runlevels')) === true
}
