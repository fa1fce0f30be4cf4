import type { GuestTree } from '../tree/guest-tree.ts'
import { known } from './known.ts'

/** A partition of a disk that the guest may boot from. */
export interface PartitionFact {
  readonly table: 'gpt' | 'dos'
  /** GPT: the type's GUID, in either case; MBR: "0xef". */
  readonly type: string
}

export interface FirmwareFact {
  readonly firmware: 'bios' | 'uefi'
  /** Boots with the other one as well: cloud images have both loaders. */
  readonly bootsBoth: boolean
  readonly reason: string
}

const ESP_GPT = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b'
const BIOS_BOOT_GPT = '21686148-6449-6e6f-744e-656564454649'
const ESP_MBR = '0xef'

/**
 * Which firmware a guest expects. What the source's description says is best; then a BIOS boot partition means BIOS however many ESPs there
 * are, then an ESP (type 0xEF on an MBR counts) means UEFI, then GRUB's own modules decide.
 */
export function detectFirmware(
  tree: GuestTree,
  { partitions, described }: { partitions: readonly PartitionFact[]; described?: 'bios' | 'uefi' },
): FirmwareFact {
  const types = partitions.map(({ type }) => type.toLowerCase())
  const hasEsp = types.includes(ESP_GPT) || types.includes(ESP_MBR)
  const hasBiosBoot = types.includes(BIOS_BOOT_GPT)
  const hasGrubFor = (platform: string): boolean =>
    ['/boot/grub', '/boot/grub2'].some(folder => known(() => tree.exists(`${folder}/${platform}`)) === true)
  const isMbrWithBiosGrub = hasEsp && !types.includes(ESP_GPT) && hasGrubFor('i386-pc')
  const bootsBoth = hasEsp && (hasBiosBoot || isMbrWithBiosGrub)
  if (described !== undefined) return { firmware: described, bootsBoth, reason: 'the description of the source machine says so' }
  if (hasBiosBoot) return { firmware: 'bios', bootsBoth, reason: 'there is a BIOS boot partition' }
  if (isMbrWithBiosGrub) return { firmware: 'bios', bootsBoth, reason: 'GRUB for BIOS is installed beside the ESP of an MBR disk' }
  if (hasEsp) return { firmware: 'uefi', bootsBoth, reason: 'there is an EFI system partition' }
  return {
    firmware: 'bios',
    bootsBoth: false,
    reason: partitions.length === 0 ? 'no partition is known' : 'there is no EFI system partition',
  }
}
