import { namesIn, sizeOf, textOf } from '../guest-files.ts'
import type { Buffer } from 'node:buffer'
import type { GuestTree } from '../../tree/guest-tree.ts'
import { parsePe } from '../initramfs/pe.ts'
import { EFI_NAMES, type EfiArchitecture } from './architectures.ts'
import { findOnFat, placeOnFat } from './fat.ts'
import { type EfiVendor, findVendors } from './vendor.ts'

export interface FallbackPlan {
  /** `present`: firmware without variables starts the guest; `planned`: it will after the copies; `impossible`: see `reason`. */
  readonly state: 'present' | 'planned' | 'impossible'
  readonly reason: string
  /** Signed files, copied byte for byte. */
  readonly copies: readonly { readonly from: string; readonly to: string }[]
  readonly texts: readonly { readonly to: string; readonly content: string }[]
  readonly neededBytes: number
  readonly notes: readonly string[]
}

interface FallbackQuestion {
  /** Where the ESP is mounted in the guest, "/boot/efi". */
  readonly esp: string
  readonly architecture: EfiArchitecture
  /** First kilobytes of a file, for the check of its machine type; absent or `undefined` = not checked. */
  readonly readHeader?: (path: string) => Buffer | undefined
}

/**
 * Boot entries live in the source's NVRAM and do not travel: firmware then starts \EFI\BOOT\BOOT<arch>.EFI. It is made of the signed files
 * that are already on the ESP, for every distribution alike, and stays there. fbx64.efi is never copied: it resets the machine.
 */
export function planFallback(tree: GuestTree, question: FallbackQuestion): FallbackPlan {
  const { esp, architecture, readHeader } = question
  const { fallback, suffix, machine } = EFI_NAMES[architecture]
  if (tree.stat(esp)?.kind !== 'dir') return impossible(`${esp} is not there`)
  const vendors = findVendors(tree, esp, suffix)
  const present = findOnFat(tree, esp, `EFI/BOOT/${fallback}`)
  const broken =
    present === undefined
      ? `EFI/BOOT/${fallback} is not there`
      : problemOf(tree, present, { machine, ...(readHeader === undefined ? {} : { readHeader }) })
  if (present !== undefined && broken === undefined) return judgePresent(tree, { esp, present, suffix, vendors })
  const [vendor] = vendors.filter(
    ({ first }) => problemOf(tree, first, { machine, ...(readHeader === undefined ? {} : { readHeader }) }) === undefined,
  )
  if (vendor === undefined) return impossible(`${broken}, and no folder of the ESP has a loader to copy`)
  return planCopies(tree, { esp, fallback, vendor, reason: broken ?? '' })
}

function impossible(reason: string): FallbackPlan {
  return { state: 'impossible', reason, copies: [], texts: [], neededBytes: 0, notes: [] }
}

interface Check {
  readonly machine: number
  readonly readHeader?: (path: string) => Buffer | undefined
}

function problemOf(tree: GuestTree, path: string, { machine, readHeader }: Check): string | undefined {
  if (sizeOf(tree, path) === 0) return `${path} is empty`
  const header = readHeader?.(path)
  if (header === undefined) return undefined
  const pe = parsePe(header)
  if (pe === undefined) return `${path} is no EFI program`
  return pe.machine === machine ? undefined : `${path} is for machine type 0x${pe.machine.toString(16)}, not 0x${machine.toString(16)}`
}

interface Present {
  readonly esp: string
  readonly present: string
  readonly suffix: string
  readonly vendors: readonly EfiVendor[]
}

/** A shim needs its second stage beside it, or the program that makes the boot entries again from BOOT*.CSV. */
function judgePresent(tree: GuestTree, { esp, present, suffix, vendors }: Present): FallbackPlan {
  const folder = present.slice(0, present.lastIndexOf('/'))
  const sizeBytes = sizeOf(tree, present)
  const vendor = vendors.find(({ kind, first }) => kind === 'shim' && sizeOf(tree, first) === sizeBytes)
  const restorer = ['fb', 'fallback'].map(name => findOnFat(tree, folder, name === 'fb' ? `fb${suffix}.efi` : 'fallback.efi')).find(Boolean)
  const hasCsv = vendors.some(each => namesIn(tree, each.folder).some(name => /^boot.*\.csv$/i.test(name)))
  const notes =
    restorer === undefined
      ? []
      : [`${restorer} writes the boot entry again and may reset the machine: without persistent variables and with a TPM at every start`]
  const good = { state: 'present' as const, reason: `${present} is there`, copies: [], texts: [], neededBytes: 0, notes }
  if (vendor === undefined || (restorer !== undefined && hasCsv)) return good
  const second = vendor.second?.slice(vendor.folder.length + 1) ?? ''
  if (findOnFat(tree, folder, second) !== undefined) return good
  return {
    ...planCopies(tree, {
      esp,
      fallback: present.slice(folder.length + 1),
      vendor,
      reason: `${present} is shim, and ${second} is not beside it`,
    }),
    notes,
  }
}

interface Copies {
  readonly esp: string
  readonly fallback: string
  readonly vendor: EfiVendor
  readonly reason: string
}

function planCopies(tree: GuestTree, { esp, fallback, vendor, reason }: Copies): FallbackPlan {
  const place = (name: string): string => placeOnFat(tree, esp, `EFI/BOOT/${name}`)
  const beside = [vendor.second, vendor.mokManager].filter(path => path !== undefined)
  const copies = [
    { from: vendor.first, to: place(fallback) },
    ...beside.map(from => ({ from, to: place(from.slice(vendor.folder.length + 1)) })),
  ]
  const texts = configTexts(tree, { esp, fallback, vendor, place })
  const bytes = [...copies.map(({ from }) => sizeOf(tree, from)), ...texts.map(({ content }) => content.length)]
  return { state: 'planned', reason, copies, texts, neededBytes: bytes.reduce((sum, each) => sum + each, 0), notes: noteOf(vendor) }
}

function noteOf({ kind, first }: EfiVendor): string[] {
  if (kind === 'grub1') return ['GRUB 0.97 reads a copy of grub.conf: a later kernel update must change both']
  return kind === 'other' ? [`${first} may not find its configuration from EFI/BOOT`] : []
}

/**
 * GRUB of Fedora and RHEL looks for grub.cfg where it was started from, others where their prefix says. A stub is copied; a whole menu is not,
 * it would grow old: a pointer to it is written.
 */
function configTexts(
  tree: GuestTree,
  { esp, fallback, vendor, place }: Omit<Copies, 'reason'> & { place: (name: string) => string },
): { to: string; content: string }[] {
  if (vendor.config === undefined) return []
  const config = textOf(tree, vendor.config)
  if (vendor.kind === 'grub1') return [{ to: place(fallback.replace(/\.efi$/i, '.conf')), content: config }]
  const isMenu = /^[ \t]*(menuentry|blscfg)\b/m.test(config)
  const path = vendor.config.slice(esp.length)
  const pointer = `search --no-floppy --file --set=root ${path}\nset prefix=($root)${path.replace(/\/[^/]*$/, '')}\nconfigfile ($root)${path}\n`
  return [{ to: place('grub.cfg'), content: isMenu ? pointer : config }]
}

/** Writes a plan into the tree; `contents` holds the files to copy by their path in the guest. */
export function applyFallback(tree: GuestTree, plan: FallbackPlan, contents: ReadonlyMap<string, Uint8Array>): string[] {
  const written: string[] = []
  for (const { from, to } of plan.copies) {
    const content = contents.get(from)
    if (content === undefined) continue
    tree.write(to, content, { mode: modeOnFat(tree, plan) })
    written.push(to)
  }
  // Without its programs the configuration is of no use.
  if (written.length < plan.copies.length) return written
  for (const { to, content } of plan.texts) {
    tree.write(to, content, { mode: modeOnFat(tree, plan) })
    written.push(to)
  }
  return written
}

/** FAT has no modes: all files have the one of the mount, and to set another fails. */
function modeOnFat(tree: GuestTree, plan: FallbackPlan): number {
  return tree.stat(plan.copies[0]?.from ?? '/')?.mode ?? 0o700
}
