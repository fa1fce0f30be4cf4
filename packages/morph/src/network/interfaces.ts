import { known } from '../detect/known.ts'
import { matchesName } from '../tree/glob.ts'
import type { GuestTree } from '../tree/guest-tree.ts'

/** A line of interfaces(5), its continuations joined; `first` and `last` are places among the lines of the file. */
export interface InterfacesLine {
  readonly words: readonly string[]
  readonly first: number
  readonly last: number
}

/** An `iface` stanza. */
export interface IfaceStanza {
  readonly file: string
  readonly name: string
  readonly family: string
  readonly method: string
  readonly head: InterfacesLine
  readonly options: readonly InterfacesLine[]
}

const MAX_FILES = 200
const STANZA = /^(?:iface|auto|mapping|source|source-directory|rename|template|no-auto-down|no-scripts|allow-.*)$/

/** The stanzas of /etc/network/interfaces and what it sources, in order. Each file is read once. */
export function readInterfaces(tree: GuestTree): { stanzas: IfaceStanza[]; files: string[] } {
  const stanzas: IfaceStanza[] = []
  const files: string[] = []
  const open = ['/etc/network/interfaces']
  for (let file = open.shift(); file !== undefined && files.length < MAX_FILES; file = open.shift()) {
    const text = files.includes(file) ? undefined : known(() => tree.read(file))
    if (text === undefined) continue
    files.push(file)
    const found = parseInterfaces(text, file)
    stanzas.push(...found.stanzas)
    open.push(...found.sources.flatMap(([keyword, pattern]) => sourced(tree, file, keyword, pattern)))
  }
  return { stanzas, files }
}

export function parseInterfaces(text: string, file: string): { stanzas: IfaceStanza[]; sources: [string, string][] } {
  const stanzas: (IfaceStanza & { options: InterfacesLine[] })[] = []
  const sources: [string, string][] = []
  let isInIface = false
  for (const line of linesOf(text)) {
    const [keyword, ...rest] = line.words as [string, ...string[]]
    if (STANZA.test(keyword)) isInIface = keyword === 'iface'
    if (keyword === 'iface') {
      const [name = '', family = 'inet', method = 'manual'] = rest
      stanzas.push({ file, name, family, method, head: line, options: [] })
    } else if (keyword === 'source' || keyword === 'source-directory') sources.push([keyword, rest.join(' ')])
    else if (isInIface) stanzas.at(-1)!.options.push(line)
  }
  return { stanzas, sources }
}

function linesOf(text: string): InterfacesLine[] {
  const raw = text.split('\n')
  const lines: InterfacesLine[] = []
  for (let first = 0; first < raw.length; first++) {
    // A comment runs over a backslash as any line does.
    const parts = [raw[first]!]
    let last = first
    while (parts.at(-1)!.endsWith('\\') && last + 1 < raw.length) parts.push(raw[++last]!)
    const joined = parts
      .map(part => part.replace(/\\$/, ' '))
      .join('')
      .trim()
    if (joined !== '' && !joined.startsWith('#')) lines.push({ words: joined.split(/\s+/), first, last })
    first = last
  }
  return lines
}

/** Names in a source-directory are letters, digits, dashes and underscores only; a relative path starts at the file's own folder. */
function sourced(tree: GuestTree, file: string, keyword: string, pattern: string): string[] {
  if (pattern === '') return []
  const full = pattern.startsWith('/') ? pattern : `${file.slice(0, file.lastIndexOf('/'))}/${pattern}`
  const glob = (of: string): string[] => known(() => tree.glob(of)) ?? []
  if (keyword === 'source-directory') return glob(`${full}/*`).filter(path => /\/[\w-]+$/.test(path))
  // `source interfaces.d` names a folder: all that is in it, by ifupdown's own rule for names.
  return glob(full).concat(known(() => tree.stat(full))?.kind === 'dir' ? glob(`${full}/*`).filter(path => /\/[\w-]+$/.test(path)) : [])
}

/** The value of an option, dashes and underscores alike. */
export function optionOf(stanza: IfaceStanza, ...names: readonly string[]): string[] | undefined {
  const found = stanza.options.find(({ words }) => names.some(name => matchesName(name, words[0]!.replaceAll('_', '-'))))
  return found?.words.slice(1)
}
