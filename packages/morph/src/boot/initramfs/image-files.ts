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
  readonly notes: string[]
}

const KIND = new Map<number, ImageEntry['kind']>([
  [0o100000, 'file'],
  [0o040000, 'dir'],
  [0o120000, 'link'],
])
/** modules.alias of a full kernel has 1.5 MB; all else that is kept has some kilobytes. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024
const MAX_LINK_BYTES = 4096
/** Real images are 12 folders deep and have links of one step. The bounds keep a hostile one from taking minutes. */
const MAX_DEPTH = 64
const MAX_LINKS = 8
const MAX_TARGET = 1024

export const createImageFiles = (): ImageFiles => ({ entries: new Map(), contents: new Map(), notes: [] })

/** Unpacks members over what is there, as the kernel does. `data` is the buffer that the members point into. */
export function addMembers(image: ImageFiles, members: readonly CpioMember[], data: Buffer): void {
  const contentOf = new Map(members.filter(member => member.nlink > 1 && member.sizeBytes > 0).map(member => [member.ino, member]))
  for (const member of members) {
    const path = canonicalPath(image, member.path, false)
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
    image.entries.set(path, {
      path,
      kind,
      mode: member.mode & 0o7777,
      sizeBytes: source.sizeBytes,
      ...(target === undefined ? {} : { target }),
    })
    image.contents.delete(path)
    if (kind === 'file' && source.sizeBytes <= MAX_KEPT_BYTES && isKeptFile(path)) {
      image.contents.set(path, Buffer.from(data.subarray(source.dataAt, source.dataAt + source.sizeBytes)))
    }
  }
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
