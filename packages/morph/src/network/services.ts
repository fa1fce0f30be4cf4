import { known } from '../detect/known.ts'
import type { GuestTree } from '../tree/guest-tree.ts'

/**
 * Whether a service starts at boot, by the links that enable it: systemd's wants and aliases, run levels of sysvinit in the three places of
 * the distributions, OpenRC's. A masked one does not, whatever else is there.
 */
export function startsAtBoot(tree: GuestTree, name: string): boolean {
  const unit = `${name}.service`
  if (known(() => tree.lstat(`/etc/systemd/system/${unit}`))?.target === '/dev/null') return false
  const patterns = [
    `/etc/systemd/system/*.wants/${unit}`,
    `/etc/systemd/system/*.requires/${unit}`,
    `/etc/rc[S2345].d/S[0-9][0-9]${name}`,
    `/etc/rc.d/rc[2345].d/S[0-9][0-9]${name}`,
    `/etc/init.d/rc[235].d/S[0-9][0-9]${name}`,
    `/etc/runlevels/*/${name}`,
  ]
  return patterns.some(pattern => (known(() => tree.glob(pattern)) ?? []).length > 0) || isAliasTarget(tree, unit)
}

/** `network.service -> wicked.service` and `dbus-org.freedesktop.NetworkManager.service` enable what they point to. */
function isAliasTarget(tree: GuestTree, unit: string): boolean {
  const aliases = known(() => tree.glob('/etc/systemd/system/*.service')) ?? []
  return aliases.some(path => !path.endsWith(`/${unit}`) && known(() => tree.lstat(path))?.target?.endsWith(`/${unit}`) === true)
}
