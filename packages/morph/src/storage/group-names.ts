import type { BlockDevice } from './block-device.ts'
import type { VolumeGroup } from './lvm.ts'

type Rename = (from: string, to: string) => Promise<void>

/**
 * Two volume groups of one name, both in use, with nothing written to a disk: the kernel's mappings are renamed, never the groups.
 *
 *     /dev/mapper/vg0-root                       of the group that owns the plain names
 *     /dev/mapper/instar-<group id, 8>-vg0-root  of the other
 *
 * LVM knows its mappings by uuid, so it finds and closes renamed ones. Activation makes plain names; hence the owner is parked first.
 */
export class GroupNames {
  readonly #devices: readonly BlockDevice[]
  readonly #rename: Rename

  constructor(devices: readonly BlockDevice[], rename: Rename) {
    this.#devices = devices
    this.#rename = rename
  }

  /** Frees the plain names for a group that is about to be activated. Returns the ids of the groups that were parked. */
  async park(group: Pick<VolumeGroup, 'id' | 'name'>): Promise<string[]> {
    const owners = this.#volumes().filter(({ mapping }) => {
      const { volume, name } = mapping!
      return volume!.groupId !== group.id && !isParked(name) && plainGroup(name) === group.name
    })
    for (const device of owners) await this.#rename(device.mapping!.name, parkedName(device))
    return [...new Set(owners.map(({ mapping }) => mapping!.volume!.groupId))]
  }

  /** Parks the group just activated and gives the names back to the one that had them. */
  async swapBack(group: Pick<VolumeGroup, 'id'>, parked: readonly string[]): Promise<void> {
    for (const device of this.#volumes(group.id)) await this.#rename(device.mapping!.name, parkedName(device))
    for (const id of parked) await this.#unpark(id)
  }

  /** Makes this group the owner of the plain names. False when it is already. */
  async giveTo(groupId: string): Promise<boolean> {
    const parked = this.#volumes(groupId).find(({ mapping }) => isParked(mapping!.name))
    if (!parked) return false
    await this.park({ id: groupId, name: plainGroup(plainName(parked.mapping!.name)) })
    await this.#unpark(groupId)
    return true
  }

  async #unpark(groupId: string): Promise<void> {
    for (const { mapping } of this.#volumes(groupId)) {
      if (isParked(mapping!.name)) await this.#rename(mapping!.name, plainName(mapping!.name))
    }
  }

  #volumes(groupId?: string): BlockDevice[] {
    return this.#devices.filter(({ mapping }) => mapping?.volume && (groupId ?? mapping.volume.groupId) === mapping.volume.groupId)
  }
}

const PARKED = /^instar-[0-9a-zA-Z]{8}-/

function isParked(name: string): boolean {
  return PARKED.test(name)
}

/** The name that LVM gave, of a mapping that may be parked. */
export function plainName(name: string): string {
  return name.replace(PARKED, '')
}

function parkedName({ mapping }: BlockDevice): string {
  return isParked(mapping!.name) ? mapping!.name : `instar-${mapping!.volume!.groupId.slice(0, 8)}-${mapping!.name}`
}

function plainGroup(name: string): string {
  return /^((?:[^-]|--)+)-/.exec(name)?.[1]?.replaceAll('--', '-') ?? name
}
