import type { GuestTree } from '../tree/guest-tree.ts'
import type { Outcome } from './outcome.ts'
import { newOutcome } from './outcome.ts'
import { setAside } from './set-aside.ts'

const LVM_DEVICES = '/etc/lvm/devices/system.devices'
/** Told by what is on the disk (lvmdevices(8)); every other type is hardware, and does not match after a move. */
const STABLE_TYPES = new Set(['lvmlv_uuid', 'crypt_uuid', 'md_uuid', 'mpath_uuid'])

/**
 * Moves LVM's list of allowed devices aside when it tells them by hardware: no disk on the new bus would match, and LVM would see nothing.
 * Without the list LVM looks at all disks. Making a new one is offered, not done.
 */
export function fixLvmDevices(tree: GuestTree): Outcome {
  const outcome = newOutcome()
  const text = tree.read(LVM_DEVICES)
  if (text === undefined) return outcome
  const types = [...text.matchAll(/^[ \t]*IDTYPE=(\S+)/gm)].map(found => found[1]!)
  if (types.length === 0) {
    outcome.warnings.push({ path: LVM_DEVICES, message: 'it lists no device, so LVM uses none; left as it is', weight: 'harmless' })
    return outcome
  }
  const hardware = types.filter(type => !STABLE_TYPES.has(type))
  if (hardware.length === 0) return outcome
  const aside = setAside(tree, LVM_DEVICES)
  const kinds = [...new Set(hardware)].sort().join(', ')
  outcome.changes.push(`${LVM_DEVICES}: moved to ${aside}; its ${hardware.length} entries tell disks by hardware (${kinds})`)
  outcome.inInitramfs.push(LVM_DEVICES)
  outcome.offers.push({ reason: 'makes the LVM devices file again from the disks of the new platform', argv: ['vgimportdevices', '-a'] })
  return outcome
}
