import { InstarError } from '@instar/contract'
import type { TreeEntry } from './guest-tree.ts'

/**
 * What a tree is made of. Nodes never change: a write makes new nodes on the way down to the root, so the tree as loaded stays what it
 * was and comparing the two roots gives the changes.
 */
export type Node = FileNode | DirNode | LinkNode | OtherNode

interface Owned {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

export interface FileNode extends Owned {
  readonly kind: 'file'
  readonly sizeBytes: number
  /** A reason in place of the content: the file is there, its bytes were not loaded. */
  readonly content: Buffer | NotLoaded
}

export interface DirNode extends Owned {
  readonly kind: 'dir'
  /** By name; `undefined` = known to be absent (only of use where `isListed` is false). */
  readonly children: ReadonlyMap<string, Node | undefined>
  /** False: the folder is there, its names were not loaded; asking for one that is not in `children` is an error. */
  readonly isListed: boolean
}

export interface LinkNode extends Owned {
  readonly kind: 'link'
  readonly target: string
}

export interface OtherNode extends Owned {
  readonly kind: 'other'
}

/** Why a file has no content here: nobody asked for it, or it is over a limit. */
export type NotLoaded = 'unasked' | 'too-large'

export const ROOT_OWNED = { uid: 0, gid: 0 } as const

export function newDir(mode = 0o755): DirNode {
  return { kind: 'dir', mode, ...ROOT_OWNED, children: new Map(), isListed: true }
}

/** The public form of a node. */
export function entryOf(node: Node): TreeEntry {
  const { kind, mode, uid, gid } = node
  if (kind === 'link') return { kind, mode, uid, gid, sizeBytes: node.target.length, target: node.target }
  return { kind, mode, uid, gid, sizeBytes: kind === 'file' ? node.sizeBytes : 0 }
}

/** The child of that name; throws `guest.not-loaded` where nobody looked. */
export function childOf(dir: DirNode, name: string, path: string): Node | undefined {
  if (!dir.isListed && !dir.children.has(name)) throw notLoaded(path)
  return dir.children.get(name)
}

/** The names of a folder that exist; throws `guest.not-loaded` where nobody looked. */
export function namesOf(dir: DirNode, path: string): string[] {
  if (!dir.isListed) throw notLoaded(path)
  return [...dir.children.keys()].filter(name => dir.children.get(name) !== undefined).sort()
}

export function notLoaded(path: string): InstarError {
  return new InstarError('guest.not-loaded', `${path} of the guest was not loaded; add it to the list in morph/src/tree/wanted.ts`, {
    details: { path },
  })
}

/** The root with the node at these names replaced (`undefined` removes it); every folder on the way must exist. */
export function replaceAt(dir: DirNode, names: readonly string[], node: Node | undefined): DirNode {
  const parents: DirNode[] = [dir]
  for (const name of names.slice(0, -1)) parents.push(parents.at(-1)!.children.get(name) as DirNode)
  let below = node
  for (let depth = names.length - 1; depth >= 0; depth--) {
    const children = new Map(parents[depth]!.children)
    children.set(names[depth]!, below)
    below = { ...parents[depth]!, children }
  }
  return below as DirNode
}
