import { namesIn, textOf } from '../boot/guest-files.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { checkKernels, checkLoader, checkRoot } from './boot-lines.ts'
import type { CheckInput } from './check-input.ts'
import { checkFirmware } from './firmware-lines.ts'
import { checkFilesystems } from './space-lines.ts'
import { type CheckLine, type Verdict, combineLines } from './verdict.ts'

/** Will the guest boot on the target, and if not, why? Reads only; the same before a morph and after it. */
export function checkGuest(input: CheckInput): Verdict {
  if (input.guest.osType !== 'linux') {
    const message = `${input.guest.name} is not a Linux that Instar knows; its boot is not judged`
    return combineLines([{ area: 'system', state: 'unknown', message }])
  }
  return combineLines([
    { area: 'system', state: 'ok', message: input.guest.name },
    ...checkFirmware(input),
    ...checkLoader(input),
    ...checkKernels(input),
    ...checkRoot(input),
    ...checkReferences(input),
    ...checkFilesystems(input),
    ...checkProcessor(input),
    ...checkPackages(input.tree),
  ])
}

function checkReferences({ references }: CheckInput): CheckLine[] {
  const bad = references.filter(({ weight }) => weight !== 'harmless')
  if (bad.length === 0)
    return [{ area: 'references', state: 'ok', message: 'every device that the tables of the guest name is attached, or not needed' }]
  return bad.map(({ path, message, weight, isFixedByMorph }) => ({
    area: 'references',
    state: weight === 'fatal' ? 'fatal' : 'warning',
    message: `${path}: ${message}`,
    ...(isFixedByMorph ? { isFixedByMorph } : { hint: 'Attach the disk, or take the line out in a post-mount script.' }),
  }))
}

/** A system built for a newer level ends in an illegal instruction in its first process. */
function checkProcessor({ guest, target }: CheckInput): CheckLine[] {
  const { cpuLevel } = guest
  if (cpuLevel === 1) return []
  const message = `${guest.name} needs a processor of level x86-64-v${cpuLevel}`
  const hint = 'Give the machine a newer processor model (QEMU: -cpu host or max).'
  if (target.cpuLevel === undefined) return [{ area: 'processor', state: 'warning', message, hint }]
  if (target.cpuLevel >= cpuLevel) return [{ area: 'processor', state: 'ok', message }]
  return [{ area: 'processor', state: 'fatal', message: `${message}, the target has v${target.cpuLevel}`, hint }]
}

/** What stops the guest's package manager; it boots all the same. */
function checkPackages(tree: GuestTree): CheckLine[] {
  const updates = namesIn(tree, '/var/lib/dpkg/updates').filter(name => /^\d+$/.test(name))
  const half = textOf(tree, '/var/lib/dpkg/status').match(/^Status: \S+ \S+ (half-installed|unpacked|half-configured)$/gm) ?? []
  if (updates.length === 0 && half.length === 0) return []
  const message = `dpkg was interrupted: ${half.length} packages are half installed, ${updates.length} updates are not taken in`
  return [{ area: 'packages', state: 'warning', message, hint: 'Run dpkg --configure -a in the guest.' }]
}
