import { isFile, namesIn, textOf } from '../guest-files.ts'
import type { GuestTree } from '../../tree/guest-tree.ts'
import { readBlsEntries } from './bls.ts'
import type { LoaderEntry, LoaderReading } from './entries.ts'
import { compareVersions } from './versions.ts'

const ESPS = ['/boot/efi', '/efi', '/boot']

/** systemd-boot: loader.conf on the ESP, entries there and in /boot (XBOOTLDR), unified images in EFI/Linux. */
export function readSystemdBoot(tree: GuestTree): LoaderReading | undefined {
  const esp = ESPS.find(place => isFile(tree, `${place}/loader/loader.conf`))
  if (esp === undefined) return undefined
  const source = `${esp}/loader/loader.conf`
  const places = [...new Set([esp, '/boot'])]
  const entries = [
    ...places.flatMap(place => readBlsEntries(tree, `${place}/loader`, new Map())),
    ...places.flatMap(place => unifiedImages(tree, `${place}/EFI/Linux`)),
  ]
  const pattern = /^[ \t]*default[ \t]+(\S+)/m.exec(textOf(tree, source))?.[1]
  const isNamed = (entry: LoaderEntry): boolean =>
    pattern !== undefined && [entry.id, `${entry.id}.conf`].some(name => matchesGlob(pattern, name))
  const found = entries.find(isNamed) ?? entries[0]
  return {
    kind: 'systemd-boot',
    configFiles: [source],
    entries,
    defaultFrom: pattern === undefined ? 'the newest entry' : `default ${pattern}`,
    ...(found === undefined ? {} : { default: found }),
  }
}

/** The command line and initrd of a unified image lie within it; see `readInitramfs`. */
function unifiedImages(tree: GuestTree, folder: string): LoaderEntry[] {
  const names = namesIn(tree, folder).filter(name => /\.efi$/i.test(name))
  return names
    .sort((left, right) => compareVersions(right, left))
    .map(name => {
      const file = { written: `/EFI/Linux/${name}`, path: `${folder}/${name}` }
      return { id: name, title: name, kernel: file, initrds: [], cmdline: '', source: file.path }
    })
}

/** `*` and `?` only, in linear time for each star: the pattern comes from the guest, a regular expression of it could run for ever. */
function matchesGlob(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.toLowerCase().split('*')
  const lower = text.toLowerCase()
  if (!fits(first, lower.slice(0, first.length))) return false
  if (rest.length === 0) return lower.length === first.length
  const last = rest.pop() ?? ''
  let at = first.length
  for (const piece of rest) {
    while (at + piece.length <= lower.length && !fits(piece, lower.slice(at, at + piece.length))) at++
    if (at + piece.length > lower.length) return false
    at += piece.length
  }
  return lower.length - last.length >= at && fits(last, lower.slice(lower.length - last.length))
}

function fits(piece: string, text: string): boolean {
  return piece.length === text.length && piece.split('').every((char, index) => char === '?' || char === text[index])
}
