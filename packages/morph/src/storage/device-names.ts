import { plainName } from './group-names.ts'
import type { BlockDevice } from './block-device.ts'

/** Letters of a disk by its number: 0 is "a", 25 "z", 26 "aa". */
export function diskLetters(index: number): string {
  const high = Math.floor(index / 26)
  return (high === 0 ? '' : diskLetters(high - 1)) + String.fromCharCode(97 + (index % 26))
}

/**
 * Names that a kernel gives disk number `index` of the machine, whatever bus it hangs on. A guess by order: see morphing.md 1.3.1; the
 * minion's own names stay out, as they mean nothing to the guest.
 */
export function diskNames(index: number): string[] {
  const letters = diskLetters(index)
  return ['sd', 'vd', 'hd', 'xvd'].map(prefix => `/dev/${prefix}${letters}`).concat(`/dev/nvme${index}n1`, `/dev/mmcblk${index}`)
}

/** Linux puts a "p" before the partition number where the disk's name ends in a digit. */
export function partitionName(disk: string, number: number): string {
  return /\d$/.test(disk) ? `${disk}p${number}` : `${disk}${number}`
}

/** All names by which a user may mean a device: of the minion, by disk order ("/dev/sda2"), of LVM, and its UUIDs (lower case). */
export function namesOfDevice(device: BlockDevice, devices: readonly BlockDevice[]): Set<string> {
  const names = new Set([device.path, device.kernelPath])
  if (device.diskIndex !== undefined) diskNames(device.diskIndex).forEach(name => names.add(name))
  const { partition, content, mapping } = device
  if (partition) {
    const disk = devices.find(other => other.kernelPath === partition.disk)
    if (disk?.diskIndex !== undefined) diskNames(disk.diskIndex).forEach(name => names.add(partitionName(name, partition.number)))
    if (partition.uuid) names.add(partition.uuid.toLowerCase()).add(`PARTUUID=${partition.uuid}`)
  }
  if (content?.uuid) names.add(content.uuid.toLowerCase()).add(`/dev/disk/by-uuid/${content.uuid}`).add(`UUID=${content.uuid}`)
  // A group whose name another has too may be parked under a longer name (group-names.ts).
  if (mapping) names.add(`/dev/mapper/${mapping.name}`).add(`/dev/mapper/${plainName(mapping.name)}`)
  if (mapping?.volume) names.add(`/dev/${mapping.volume.volumeGroup}/${mapping.volume.name}`)
  return names
}
