import type { AttachedDevice, AttachedDisk } from '../references/resolver.ts'
import type { BlockDevice } from '../storage/block-device.ts'
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

/** For each LVM physical volume directly on a partition: names by which it is found on any bus. */
export function volumeNames({ devices }: Pick<Storage, 'devices'>): string[][] {
  return devices
    .filter(({ content }) => content?.type === 'LVM2_member')
    .flatMap(({ partition }) => (partition?.uuid === undefined ? [] : [[`/dev/disk/by-partuuid/${partition.uuid}`]]))
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
