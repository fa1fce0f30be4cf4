import { parsePhase, type MachinePhase } from '../phases.ts'
import { OS_TYPES, type OsType } from './script-spec.ts'

/** What a file of `--user-scripts-dir DIR` is: `DIR/<phase>/NN-name[.linux|.windows]`. */
export type FolderScript =
  | { readonly kind: 'script'; readonly phase: MachinePhase; readonly number: number; readonly name: string; readonly osType?: OsType }
  | { readonly kind: 'ignored'; readonly reason: string }

/** Reads phase, number, name and OS type from the name of a folder and of a file in it; an unknown phase is an error. */
export function readFolderScript(folder: string, file: string): FolderScript {
  const phase = parsePhase(folder)
  if (/^\.|~$|\.(?:swp|bak|orig|rej|dpkg-\w+|rpmnew|rpmsave)$/.test(file)) return { kind: 'ignored', reason: 'hidden or backup file' }
  const [, number, rest] = /^(\d{1,6})-(.+)$/.exec(file) ?? []
  if (number === undefined || rest === undefined)
    return { kind: 'ignored', reason: 'the name does not begin with a number and a hyphen (10-name)' }
  const osType = OS_TYPES.find(os => rest.endsWith(`.${os}`))
  return { kind: 'script', phase, number: Number(number), name: file, ...(osType === undefined ? {} : { osType }) }
}

/** The order of a folder's scripts: by number, equal numbers by name (bytes). */
export function compareFolderScripts(a: { number: number; name: string }, b: { number: number; name: string }): number {
  return a.number - b.number || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
}
