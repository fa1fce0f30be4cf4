import type { Buffer } from 'node:buffer'

/** Gives 512 bytes of the disk at a sector, or `undefined` when they were not read. */
export type ReadSector = (lba: number) => Buffer | undefined

export type BootSector =
  | { readonly loader: 'grub2'; readonly isWhole: boolean; readonly coreAtLba: number; readonly problem?: string }
  | { readonly loader: 'grub1' | 'syslinux' | 'lilo' | 'windows' | 'other' | 'none' }

/** Offset of the 64-bit sector number of core.img in GRUB's boot.img (grub include/grub/i386/pc/boot.h, GRUB_BOOT_MACHINE_KERNEL_SECTOR). */
const CORE_LBA_AT = 0x5c
/** Offset of the version in GRUB 0.97's stage1 (3.2); in GRUB 2 the place holds code. */
const STAGE1_VERSION_AT = 0x3e

/** What the first sector of a disk starts on BIOS, and for GRUB 2 whether the start of core.img lies where it looks for it. */
export function inspectBootSector(read: ReadSector): BootSector {
  const sector = read(0)
  if (sector === undefined || sector.length < 512 || sector.readUInt16LE(510) !== 0xaa55) return { loader: 'none' }
  const text = sector.toString('latin1', 0, 440)
  if (text.includes('GRUB')) return inspectGrub(sector, read)
  if (/SYSLINUX|EXTLINUX|isolinux/i.test(text)) return { loader: 'syslinux' }
  if (text.includes('LILO')) return { loader: 'lilo' }
  if (text.includes('Invalid partition table') || text.includes('Missing operating system')) return { loader: 'windows' }
  return /^\0*$/.test(text) ? { loader: 'none' } : { loader: 'other' }
}

function inspectGrub(sector: Buffer, read: ReadSector): BootSector {
  if (sector[STAGE1_VERSION_AT] === 3 && sector[STAGE1_VERSION_AT + 1] === 2) return { loader: 'grub1' }
  const coreAtLba = Number(sector.readBigUInt64LE(CORE_LBA_AT))
  const core = read(coreAtLba)
  const whole = (problem?: string): BootSector => ({
    loader: 'grub2',
    coreAtLba,
    isWhole: problem === undefined,
    ...(problem === undefined ? {} : { problem }),
  })
  if (core === undefined) return whole(`core.img at sector ${coreAtLba} could not be read`)
  // diskboot.img, the first sector of core.img, says "loading" while it reads the rest.
  return core.includes('loading') ? whole() : whole(`sector ${coreAtLba}, where GRUB looks for core.img, does not hold it`)
}
