import { Buffer } from 'node:buffer'
import type { CpioMember } from './cpio.ts'
import { isKeptFile } from './kept-files.ts'

export interface ImageEntry {
  /** Without a leading slash, links in its folders resolved ("usr/lib/modules/…" where lib is a link). */
  readonly path: string
  readonly kind: 'file' | 'dir' | 'link' | 'other'
  /** Permission bits. */
  readonly mode: number
  readonly sizeBytes: number
  /** Of a link: where it points, as written. */
  readonly target?: string
}

/** The file system that the kernel would unpack: later members replace earlier ones of the same path. */
export interface ImageFiles {
  readonly entries: Map<string, ImageEntry>
  /** Contents of the small files that judge an image (`isKeptFile`), copied, so that the unpacked stream can be freed. */
  readonly contents: Map<string, Buffer>
  /** Of all contents that were ever kept: one file under many hard links must not fill the memory. */
  readonly kept: { bytes: number }
  readonly notes: string[]
}

const KIND = new Map<number, ImageEntry['kind']>([
  [0o100000, 'file'],
  [0o040000, 'dir'],
  [0o120000, 'link'],
])
/** modules.alias of a full kernel has 1.5 MB; all else that is kept has some kilobytes. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024
const MAX_ALL_KEPT_BYTES = 64 * 1024 * 1024
const MAX_LINK_BYTES = 4096
/** Real images are 12 folders deep and have links of one step. The bounds keep a hostile one from taking minutes. */
const MAX_DEPTH = 64
const MAX_LINKS = 8
const MAX_TARGET = 256

export const createImageFiles = (): ImageFiles => ({ entries: new Map(), contents: new Map(), kept: { bytes: 0 }, notes: [] })

/** Unpacks members over what is there, as the kernel does. `data` is the buffer that the members point into. */
export function addMembers(image: ImageFiles, members: readonly CpioMember[], data: Buffer): void {
  const contentOf = new Map(members.filter(member => member.nlink > 1 && member.sizeBytes > 0).map(member => [member.ino, member]))
  const place = createPlacer(image)
  for (const member of members) {
    const path = place(member.path)
    if (path === '') continue
    const kind = KIND.get(member.mode & 0o170000) ?? 'other'
    // Of hard links only the last carries the content.
    const source = kind === 'file' && member.sizeBytes === 0 && member.nlink > 1 ? (contentOf.get(member.ino) ?? member) : member
    const before = image.entries.get(path)
    if (before?.kind === 'link' && kind === 'dir') image.notes.push(`a later archive replaces the link /${path} by a folder`)
    const target =
      kind === 'link'
        ? data.toString('utf8', member.dataAt, member.dataAt + Math.min(member.sizeBytes, MAX_LINK_BYTES)).replace(/\0.*$/s, '')
        : undefined
    if (kind === 'link' || before?.kind === 'link') place.forget()
    image.entries.set(path, {
      path,
      kind,
      mode: member.mode & 0o7777,
      sizeBytes: source.sizeBytes,
      ...(target === undefined ? {} : { target }),
    })
    image.contents.delete(path)
    if (kind === 'file' && source.sizeBytes <= Math.min(MAX_KEPT_BYTES, MAX_ALL_KEPT_BYTES - image.kept.bytes) && isKeptFile(path)) {
      image.kept.bytes += source.sizeBytes
      image.contents.set(path, Buffer.from(data.subarray(source.dataAt, source.dataAt + source.sizeBytes)))
    }
  }
}

/** Where members land; remembers folders, as members of one folder follow each other, until a link changes what they mean. */
function createPlacer(image: ImageFiles): ((path: string) => string) & { forget: () => void } {
  const folders = new Map<string, string>()
  const place = (path: string): string => {
    const cut = path.lastIndexOf('/')
    const [folder, name] = [path.slice(0, Math.max(cut, 0)), path.slice(cut + 1)]
    if (name === '' || name === '.' || name === '..') return canonicalPath(image, path, false)
    const known = folders.get(folder) ?? canonicalPath(image, folder, true)
    folders.set(folder, known)
    return known === '' ? name : `${known}/${name}`
  }
  return Object.assign(place, { forget: () => folders.clear() })
}

/**
 * The path with the links of its folders resolved inside the image; with `followLast` the last part too. Loops and `..` above the root end
 * at the root, as in a chroot.
 */
export function canonicalPath(image: Pick<ImageFiles, 'entries'>, path: string, followLast: boolean): string {
  let done: string[] = []
  const todo = path.split('/').toReversed()
  if (todo.length > MAX_DEPTH) return path
  for (let links = 0; todo.length > 0;) {
    const part = todo.pop() ?? ''
    if (part === '' || part === '.') continue
    if (part === '..') {
      done.pop()
      continue
    }
    done.push(part)
    const entry = image.entries.get(done.join('/'))
    if (entry?.target === undefined || (todo.length === 0 && !followLast) || links >= MAX_LINKS || entry.target.length > MAX_TARGET)
      continue
    links++
    done.pop()
    if (entry.target.startsWith('/')) done = []
    todo.push(...entry.target.split('/').toReversed())
  }
  return done.join('/')
}
