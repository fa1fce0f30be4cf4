import type { CheckInput } from './check-input.ts'
import type { CheckLine } from './verdict.ts'

/** That the target's firmware is the guest's, and that it finds the loader without the variables of the source. */
export function checkFirmware(input: CheckInput): CheckLine[] {
  const { guest, target } = input
  const wanted = guest.firmware
  if (wanted.firmware !== target.firmware && !wanted.bootsBoth) {
    const message = `the guest boots by ${wanted.firmware.toUpperCase()} (${wanted.reason}), the target by ${target.firmware.toUpperCase()}`
    return [{ area: 'firmware', state: 'fatal', message, hint: `Give the target machine ${wanted.firmware.toUpperCase()} firmware.` }]
  }
  const both = wanted.bootsBoth ? ', and by the other one too' : ''
  const same: CheckLine = { area: 'firmware', state: 'ok', message: `the guest boots by ${wanted.firmware.toUpperCase()}${both}` }
  return [same, ...(target.firmware === 'uefi' ? checkFallback(input) : checkBootSector(input))]
}

function checkFallback({ boot: { fallback } }: CheckInput): CheckLine[] {
  if (fallback === undefined)
    return [{ area: 'loader', state: 'unknown', message: 'no EFI system partition is mounted', hint: 'Attach the disk that holds it.' }]
  const notes = fallback.notes.map(message => ({ area: 'loader' as const, state: 'warning' as const, message }))
  switch (fallback.state) {
    case 'present':
      return [{ area: 'loader', state: 'ok', message: `firmware finds the fallback loader: ${fallback.reason}` }, ...notes]
    case 'planned':
      return [
        { area: 'loader', state: 'fatal', message: `the boot entry of the source is lost, and ${fallback.reason}`, isFixedByMorph: true },
        ...notes,
      ]
    case 'impossible':
      return [
        {
          area: 'loader',
          state: 'fatal',
          message: `firmware finds no loader: ${fallback.reason}`,
          hint: 'Install the EFI loader of the distribution in the guest.',
        },
        ...notes,
      ]
    default:
      return fallback.state satisfies never
  }
}

function checkBootSector({ boot: { bootSector } }: CheckInput): CheckLine[] {
  if (bootSector === undefined) return [{ area: 'loader', state: 'unknown', message: 'the boot sector was not read' }]
  const hint = 'Name the disk with the boot loader first, or install the loader in the guest.'
  switch (bootSector.loader) {
    case 'grub2':
      return bootSector.isWhole
        ? [{ area: 'loader', state: 'ok', message: `the boot sector starts GRUB, core.img begins at sector ${bootSector.coreAtLba}` }]
        : [{ area: 'loader', state: 'fatal', message: `the boot sector starts GRUB, but ${bootSector.problem}`, hint }]
    case 'none':
      return [{ area: 'loader', state: 'fatal', message: 'the first disk has no boot code', hint }]
    case 'grub1':
    case 'syslinux':
      return [{ area: 'loader', state: 'ok', message: `the boot sector starts ${bootSector.loader}` }]
    case 'lilo':
      return [
        {
          area: 'loader',
          state: 'warning',
          message: 'the boot sector starts LILO, which keeps lists of sectors: do not replace its kernels',
        },
      ]
    case 'windows':
    case 'other':
      return [{ area: 'loader', state: 'unknown', message: `the boot sector is not of a known Linux loader (${bootSector.loader})`, hint }]
    default:
      return bootSector satisfies never
  }
}
