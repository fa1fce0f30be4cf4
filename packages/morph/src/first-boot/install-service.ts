import { InstarError } from '@instar/contract'
import {
  INIT_SCRIPT_PATH,
  OPENRC_LINK,
  OPENRC_SERVICE,
  RC_DIRS,
  RUNLEVELS,
  START_LINK_NAME,
  SYSTEMD_UNIT,
  SYSV_SERVICE,
  UNIT_LINK,
  UNIT_PATH,
} from '@instar/phases'
import type { GuestTree } from '../tree/guest-tree.ts'
import type { FirstBootWarning } from './register-first-boot.ts'

/** insserv's list of what startpar starts, and in which order; a script that is not in it is not started. */
const STARTPAR_LIST = '/etc/init.d/.depend.start'

/** Writes the service that starts the runner at boot, for the init of the guest. */
export function installService(tree: GuestTree, init: string): FirstBootWarning[] {
  switch (init) {
    case 'systemd':
      tree.write(UNIT_PATH, SYSTEMD_UNIT, { mode: 0o644 })
      tree.symlink(UNIT_PATH, UNIT_LINK)
      return []
    case 'openrc':
      tree.write(INIT_SCRIPT_PATH, OPENRC_SERVICE, { mode: 0o755 })
      tree.symlink(INIT_SCRIPT_PATH, OPENRC_LINK)
      return []
    case 'sysvinit':
    case 'upstart':
      return installSysv(tree, init)
    default:
      throw unsupported(`the guest's init is ${init === '' ? 'not known' : init}`, init)
  }
}

function installSysv(tree: GuestTree, init: string): FirstBootWarning[] {
  const rcDirs = RUNLEVELS.map(level => RC_DIRS.map(dir => dir.replace('N', level)).find(dir => tree.stat(dir)?.kind === 'dir'))
  const found = rcDirs.filter(dir => dir !== undefined)
  if (found.length === 0) throw unsupported(`the guest's init is ${init}, and it has no folder like /etc/rc3.d for start links`, init)
  tree.write(INIT_SCRIPT_PATH, SYSV_SERVICE, { mode: 0o755 })
  for (const dir of found) tree.symlink(INIT_SCRIPT_PATH, `${dir}/${START_LINK_NAME}`)
  return addToStartparList(tree) ? [] : [insservWarning()]
}

/** True when the script is started as it stands: it is in startpar's list now, or there is no such list. */
function addToStartparList(tree: GuestTree): boolean {
  const list = tree.read(STARTPAR_LIST)
  if (list === undefined || /^TARGETS =.* instar-firstboot(?: |$)/m.test(list)) return true
  const changed = list.replace(/^(TARGETS = .*?) *$/m, '$1 instar-firstboot')
  tree.write(STARTPAR_LIST, changed)
  return changed !== list
}

function insservWarning(): FirstBootWarning {
  return {
    code: 'first-boot.insserv',
    message: `${STARTPAR_LIST} of the guest is not as insserv writes it: the first-boot scripts may not be started`,
  }
}

function unsupported(why: string, init: string): InstarError {
  return new InstarError('first-boot.unsupported-init', `cannot register first-boot scripts: ${why}`, { details: { init } })
}
