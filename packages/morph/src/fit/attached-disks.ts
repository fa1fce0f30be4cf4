import type { AttachedDevice, AttachedDisk } from '../references/resolver.ts'
import type { MorphTarget } from '../request.ts'
import type { BlockDevice } from '../storage/block-device.ts'
import { diskLetters } from '../storage/device-names.ts'
import type { Storage } from '../storage/storage.ts'

/** The attached disks as the rewriting of references wants them: what lies on each partition, in the source's order of disks. */
export function attachedDisks({ devices }: Pick<Storage, 'devices'>): AttachedDisk[] {
  return devices
    .filter(({ kind, diskIndex }) => kind === 'disk' && diskIndex !== undefined)
    .sort((a, b) => a.diskIndex! - b.diskIndex!)
    .map(disk => ({
      ...(disk.content === undefined ? {} : { whole: attachedDevice(disk) }),
      partitions: devices.flatMap(device =>
        device.partition?.disk === disk.kernelPath ? [{ ...attachedDevice(device), number: device.partition.number }] : [],
      ),
    }))
}

/** For each LVM physical volume on a disk or partition: names by which it is found on the new bus. */
export function volumeNames({ devices }: Pick<Storage, 'devices'>, bus: MorphTarget['bus']): string[][] {
  return devices
    .filter(({ content, kind }) => content?.type === 'LVM2_member' && (kind === 'disk' || kind === 'partition'))
    .map(device => {
      const disk = device.kind === 'disk' ? device : devices.find(({ kernelPath }) => kernelPath === device.partition?.disk)
      const stable = device.partition?.uuid === undefined ? [] : [`/dev/disk/by-partuuid/${device.partition.uuid}`]
      return disk?.diskIndex === undefined ? stable : [newName(bus, disk.diskIndex, device.partition?.number), ...stable]
    })
}

/** What the kernel calls a disk, or a partition of it, on a bus where the disks come in the same order. */
function newName(bus: MorphTarget['bus'], index: number, partition?: number): string {
  if (bus === 'nvme') return `/dev/nvme${index}n1${partition === undefined ? '' : `p${partition}`}`
  return `/dev/${bus === 'virtio' ? 'vd' : 'sd'}${diskLetters(index)}${partition ?? ''}`
}

const KINDS: Readonly<Record<string, AttachedDevice['kind']>> = {
  crypto_LUKS: 'luks',
  LVM2_member: 'lvm',
  linux_raid_member: 'raid',
  swap: 'swap',
  swsuspend: 'swap',
}

function attachedDevice({ content, partition }: BlockDevice): AttachedDevice {
  const kind = content === undefined ? 'unknown' : (KINDS[content.type] ?? (content.usage === 'filesystem' ? 'filesystem' : 'unknown'))
  return {
    kind,
    ...(content === undefined ? {} : { type: content.type }),
    ...(content?.uuid === undefined ? {} : { uuid: content.uuid }),
    ...(partition?.uuid === undefined ? {} : { partuuid: partition.uuid }),
  }
}
