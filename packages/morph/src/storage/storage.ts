import type { BlockDevice } from './block-device.ts'
import type { VolumeGroup } from './lvm.ts'

/** All that was found and opened on the attached disks. Disposing closes every layer again, also what pre-mount scripts opened. */
export interface Storage extends AsyncDisposable {
  /** As given, in the order of the machine's description: boot disk first. */
  readonly disks: readonly string[]
  /** Follows a rename; take it anew after `renameMapping` and `preferGroup`. */
  readonly devices: readonly BlockDevice[]
  readonly volumeGroups: readonly VolumeGroup[]
  readonly locked: readonly LockedContainer[]
  readonly warnings: readonly string[]
  /** Kernel paths of LVs that are snapshots of another: the same filesystem twice. */
  readonly snapshots: ReadonlySet<string>
  /** Gives a mapping the name that the guest's own crypttab uses. No change when another device has that name. */
  renameMapping(from: string, to: string, signal: AbortSignal): Promise<boolean>
  /** Of two volume groups with one name, makes this one (32 characters, no dashes) the owner of the plain device names. */
  preferGroup(groupId: string, signal: AbortSignal): Promise<void>
}

/** A LUKS container that stayed closed, which is an error only when what is in it turns out to be needed. */
export interface LockedContainer {
  readonly device: string
  readonly uuid: string
  readonly reason: 'no-key' | 'wrong-key' | 'unsupported'
  readonly message: string
}
