import type { GuestTree } from './guest-tree.ts'
import { createMemoryTree } from './memory-tree.ts'
import type { DirNode, Node } from './nodes.ts'
import { newDir, replaceAt, ROOT_OWNED } from './nodes.ts'
import { partsOf } from './resolve.ts'

/** A file's text or bytes; a link; a file or folder with its mode and owner. A name that ends in "/" is a folder. */
export type PhonyFile =
  | string
  | Uint8Array
  | { readonly link: string }
  | { readonly content?: string | Uint8Array; readonly mode?: number; readonly uid?: number; readonly gid?: number }
  | typeof dir

/** Marks a folder in a phony guest, for who likes it better than an empty text. */
export const dir: unique symbol = Symbol('dir')

/**
 * A guest for tests, from a dictionary: `phonyGuest({ 'etc/os-release': 'ID=debian\n', 'etc/localtime': { link: '/usr/share/zoneinfo/UTC' },
 * 'usr/bin/': dir, 'etc/x': { content: 'a', mode: 0o600 } })`. Text is stored as UTF-8. Folders in between are made; a name below a link is
 * an error of the test.
 */
export function phonyGuest(files: Readonly<Record<string, PhonyFile>>): GuestTree {
  let root = newDir()
  // Folders first: one that is named after a file in it must not hide that file.
  for (const [path, file] of Object.entries(files).sort(([a], [b]) => Number(b.endsWith('/')) - Number(a.endsWith('/')))) {
    const names = partsOf(path)
    root = withParents(root, names.slice(0, -1))
    root = replaceAt(root, names, nodeOf(file, path.endsWith('/')))
  }
  return createMemoryTree(root)
}

function withParents(root: DirNode, names: readonly string[]): DirNode {
  let at: DirNode = root
  for (const [index, name] of names.entries()) {
    const next = at.children.get(name)
    if (next === undefined) return replaceAt(root, names.slice(0, index + 1), dirOf(names.slice(index + 1)))
    if (next.kind !== 'dir') throw new TypeError(`${names.join('/')}: ${name} is a ${next.kind} in this phony guest`)
    at = next
  }
  return root
}

function dirOf(names: readonly string[]): DirNode {
  return names.reduceRight<DirNode>((below, name) => ({ ...newDir(), children: new Map([[name, below]]) }), newDir())
}

function nodeOf(file: PhonyFile, isDir: boolean): Node {
  if (typeof file === 'object' && 'link' in file) return { kind: 'link', mode: 0o777, ...ROOT_OWNED, target: file.link }
  const options = typeof file === 'object' && !(file instanceof Uint8Array) ? file : {}
  const owned = { uid: options.uid ?? 0, gid: options.gid ?? 0 }
  if (isDir || file === dir) return { ...newDir(options.mode), ...owned }
  const content = typeof file === 'string' || file instanceof Uint8Array ? Buffer.from(file) : Buffer.from(options.content ?? '')
  return { kind: 'file', mode: options.mode ?? 0o644, ...owned, sizeBytes: content.length, content }
}
