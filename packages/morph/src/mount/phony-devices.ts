import type { BlockDevice } from '../storage/block-device.ts'
import type { Evidence } from './evidence.ts'

/** For tests: a disk with filesystems on partitions 1, 2, ...; `type uuid [label]` each. */
export function phonyDisk(index: number, partitions: readonly string[], name = `/dev/nvme${index + 1}n1`): BlockDevice[] {
  const disk = device({ path: name, kind: 'disk', number: `259:${index * 16}`, diskIndex: index, partitionTable: 'gpt' })
  return [
    disk,
    ...partitions.map((text, at) => {
      const [type = '', uuid = '', label] = text.split(' ')
      return device({
        path: `${name}p${at + 1}`,
        kind: 'partition',
        number: `259:${index * 16 + at + 1}`,
        parents: [name],
        content: { type, usage: usageOf(type), uuid, ...(label !== undefined && { label }) },
        partition: { table: 'gpt', number: at + 1, type: typeOf(type), uuid: `part-${index}-${at + 1}`, startBytes: 2 ** 20, disk: name },
      })
    }),
  ]
}

/** For tests: a logical volume on a device. */
export function phonyVolume(
  group: string,
  volume: string,
  on: { parent: string; content: string; number: string; groupId?: string },
): BlockDevice {
  const [type = '', uuid = ''] = on.content.split(' ')
  const groupId = on.groupId ?? 'g'.repeat(32)
  const name = `${group.replaceAll('-', '--')}-${volume.replaceAll('-', '--')}`
  return device({
    path: `/dev/mapper/${name}`,
    kernelPath: `/dev/dm-${on.number.split(':')[1]}`,
    kind: 'lv',
    number: on.number,
    parents: [on.parent],
    content: { type, usage: usageOf(type), uuid },
    mapping: {
      name,
      uuid: `LVM-${groupId}${'v'.repeat(32)}`,
      volume: { volumeGroup: group, name: volume, groupId, id: 'v'.repeat(32), isHidden: false },
    },
  })
}

/** For tests: evidence of an installed system unless told otherwise. */
export function phonyEvidence(of: Partial<Evidence> & { device: BlockDevice }): Evidence {
  return { hasRelease: true, hasModules: true, hasPackages: true, hasInit: true, hasWindows: false, loaderLines: [], newestLog: 0, ...of }
}

export function device(of: Partial<BlockDevice> & { path: string; kind: BlockDevice['kind']; number: string }): BlockDevice {
  return { kernelPath: of.path, sizeBytes: 2 ** 30, readOnly: false, parents: [], ...of }
}

function usageOf(type: string): string {
  if (type === 'swap') return 'other'
  if (type === 'crypto_LUKS') return 'crypto'
  return type === 'LVM2_member' || type === 'linux_raid_member' ? 'raid' : 'filesystem'
}

function typeOf(type: string): string {
  return type === 'vfat' ? 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b' : '0fc63daf-8483-4772-8e79-3d69d8477de4'
}
