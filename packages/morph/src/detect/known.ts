import { InstarError } from '@instar/contract'
import type { GuestTree } from '../tree/guest-tree.ts'

/**
 * The answer, or `undefined` where the guest leads to something that was not loaded or is too large to be what we look for: detection
 * follows links of the guest's making, which may point anywhere.
 */
export function known<T>(look: () => T | undefined): T | undefined {
  try {
    return look()
  } catch (error) {
    if (error instanceof InstarError && (error.code === 'guest.not-loaded' || error.code === 'guest.too-large')) return undefined
    throw error
  }
}

const PROGRAM_FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const

/** Where a program of the guest is; a link counts without looking where it leads. */
export function findProgram(tree: GuestTree, name: string): string | undefined {
  return PROGRAM_FOLDERS.map(folder => `${folder}/${name}`).find(path => known(() => tree.lstat(path)) !== undefined)
}

/** A path below a folder, letters of either case alike, as on a FAT file system: `undefined` when it is not there. */
export function findNoCase(tree: GuestTree, folder: string, ...names: readonly string[]): string | undefined {
  let at = folder
  for (const name of names) {
    const found = (known(() => tree.list(at)) ?? []).find(each => each.toLowerCase() === name.toLowerCase())
    if (found === undefined) return undefined
    at = at === '/' ? `/${found}` : `${at}/${found}`
  }
  return at
}

/** Where EFI system partitions are mounted; the kernels of systemd-boot may be in /boot itself. */
export const ESP_FOLDERS = ['/boot/efi', '/efi', '/boot'] as const
