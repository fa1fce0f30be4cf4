import { namesIn, textOf } from '../guest-files.ts'
import type { GuestTree } from '../../tree/guest-tree.ts'
import { type LoaderEntry, expandVariables, findBootFile } from './entries.ts'
import { compareVersions } from './versions.ts'

/** Of one key; more are nonsense. */
const MAX_REPEATS = 32

/** `key value` lines of a Boot Loader Specification entry; keys may repeat (initrd, options). */
export function parseBls(text: string): Map<string, string[]> {
  const fields = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [, key, value = ''] = /^([A-Za-z_-]+)\s+(.*)$/.exec(line.trim()) ?? []
    if (key !== undefined) fields.set(key, [...(fields.get(key) ?? []), value].slice(0, MAX_REPEATS))
  }
  return fields
}

/** The entries of a loader folder (/boot/loader, ESP/loader), newest first. Entries without a kernel are left out. */
export function readBlsEntries(tree: GuestTree, loaderDir: string, variables: ReadonlyMap<string, string>): LoaderEntry[] {
  const names = namesIn(tree, `${loaderDir}/entries`).filter(name => name.endsWith('.conf'))
  const ids = names.map(name => name.slice(0, -'.conf'.length)).sort((left, right) => compareVersions(right, left))
  return ids.flatMap(id => {
    const source = `${loaderDir}/entries/${id}.conf`
    const fields = parseBls(textOf(tree, source))
    const kernel = fields.get('linux')?.[0] ?? fields.get('efi')?.[0]
    if (kernel === undefined) return []
    const initrds = (fields.get('initrd') ?? []).flatMap(value => expandVariables(value, variables).split(/\s+/).filter(Boolean))
    const cmdline = expandVariables((fields.get('options') ?? []).join(' '), variables)
    const title = fields.get('title')?.[0] ?? id
    return [{ id, title, kernel: findBootFile(tree, kernel), initrds: initrds.map(path => findBootFile(tree, path)), cmdline, source }]
  })
}
