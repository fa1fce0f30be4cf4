import { InstarError } from '@instar/contract'
import type { DirNode, Node, NotLoaded } from './nodes.ts'
import { EMPTY_AT_REST } from './wanted.ts'

/** For `find -printf`: kind, mode, owner, size, path, target of a link; no name can hold a NUL. */
export const FIELDS = String.raw`%m\0%U\0%G\0%s\0%p\0%l\0`
const FIELD_COUNT = 7

/** Enough for any machine that is kept; a guest with more is refused rather than held in memory. */
const MAX_ENTRIES = 1_000_000
const MAX_LISTING_BYTES = 512 * 1024 * 1024

/** A folder while it is being filled. */
interface GrowingDir extends DirNode {
  readonly children: Map<string, Node | undefined>
}

/** Builds the nodes of a guest from what `find` prints, piece by piece as it comes. Throws `guest.too-large`. */
export class Listing {
  readonly root: GrowingDir = { kind: 'dir', mode: 0o755, uid: 0, gid: 0, children: new Map(), isListed: true }
  private readonly dirs = new Map<string, GrowingDir>([['', this.root]])
  private rest = ''
  private fields: string[] = []
  private bytes = 0
  private entries = 0

  add(piece: Buffer): void {
    this.bytes += piece.length
    if (this.bytes > MAX_LISTING_BYTES) throw tooMany(`more than ${MAX_LISTING_BYTES} bytes of file names`)
    const parts = (this.rest + piece.toString('latin1')).split('\0')
    this.rest = parts.pop()!
    for (const part of parts) {
      this.fields.push(part)
      if (this.fields.length === FIELD_COUNT) {
        this.put(this.fields)
        this.fields = []
      }
    }
  }

  /** These were asked for and are not there unless `add` got them since. */
  markAbsent(paths: readonly string[]): void {
    for (const path of paths) {
      const [parent, name] = split(path)
      const dir = this.dirs.get(parent)
      if (dir !== undefined && !dir.children.has(name)) dir.children.set(name, undefined)
    }
  }

  setContent(path: string, content: Buffer | NotLoaded): void {
    const [parent, name] = split(path)
    const dir = this.dirs.get(parent)
    const node = dir?.children.get(name)
    if (dir !== undefined && node?.kind === 'file') dir.children.set(name, { ...node, content })
  }

  private put(fields: readonly string[]): void {
    if (++this.entries > MAX_ENTRIES) throw tooMany(`more than ${MAX_ENTRIES} files in the folders that are read`)
    const [type, mode, uid, gid, size, path, target] = fields as [string, string, string, string, string, string, string]
    const owned = { mode: Number.parseInt(mode, 8), uid: Number(uid), gid: Number(gid) }
    const [parent, name] = split(path.replace(/^\.\/?/, '/'))
    const dir = this.dirs.get(parent)
    if (dir === undefined || name === '') return
    if (type !== 'd' && type !== 'p') {
      dir.children.set(name, leaf(type, owned, { sizeBytes: Number(size), target }))
      return
    }
    const full = `${parent}/${name}`
    const isEmpty = EMPTY_AT_REST.some(empty => empty === full)
    const child: GrowingDir = { kind: 'dir', ...owned, children: new Map(), isListed: type === 'd' || isEmpty }
    dir.children.set(name, child)
    this.dirs.set(full, child)
  }
}

function leaf(type: string, owned: { mode: number; uid: number; gid: number }, of: { sizeBytes: number; target: string }): Node {
  if (type === 'l') return { kind: 'link', ...owned, target: of.target }
  return type === 'f' ? { kind: 'file', ...owned, sizeBytes: of.sizeBytes, content: 'unasked' } : { kind: 'other', ...owned }
}

function split(path: string): [parent: string, name: string] {
  const at = path.lastIndexOf('/')
  return [path.slice(0, at), path.slice(at + 1)]
}

function tooMany(what: string): InstarError {
  return new InstarError('guest.too-large', `the guest holds ${what}`)
}
