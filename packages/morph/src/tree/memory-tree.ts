import { InstarError } from '@instar/contract'
import { diffTrees } from './diff.ts'
import { glob } from './glob.ts'
import type { GuestTree } from './guest-tree.ts'
import type { DirNode, FileNode, Node } from './nodes.ts'
import { entryOf, namesOf, newDir, notLoaded, replaceAt, ROOT_OWNED } from './nodes.ts'
import type { Place } from './resolve.ts'
import { pathOf, resolve } from './resolve.ts'
import { bytesOf, textOf } from './text.ts'

/**
 * A guest tree over nodes in memory. Reading what was never loaded throws `guest.not-loaded` (`guest.too-large` where a limit was the
 * reason): an answer "not there" is only given when somebody looked. Writing follows links as open(2) does, always inside the guest.
 */
export function createMemoryTree(loaded: DirNode): GuestTree {
  let root = loaded
  const look = (path: string): Node | undefined => resolve(root, path, true)?.node
  const put = (names: readonly string[], node: Node | undefined): void => {
    root = names.length === 0 ? root : replaceAt(root, names, node)
  }
  const readBytes = (path: string): Buffer | undefined => {
    const node = look(path)
    return node?.kind === 'file' ? contentOf(node, path) : undefined
  }
  const makeDirs = (path: string, mode: number): void => {
    const place = resolve(root, path, true)
    if (place === undefined || (place.node !== undefined && place.node.kind !== 'dir')) throw badPath(path, 'a part of it is not a folder')
    for (const [index] of place.missing.entries()) {
      const isLast = index === place.missing.length - 1
      put([...place.names, ...place.missing.slice(0, index + 1)], newDir(isLast ? mode : 0o755))
    }
  }
  const placeFor = (path: string, followLast: boolean): readonly string[] => {
    const place = resolve(root, checked(path), followLast)
    if (place === undefined) throw badPath(path, 'it leads through a file or a loop of links')
    if (place.node?.kind === 'dir') throw badPath(path, 'a folder is there')
    if (place.missing.length > 1) makeDirs(pathOf([...place.names, ...place.missing.slice(0, -1)]), 0o755)
    return [...place.names, ...place.missing]
  }

  return {
    stat: path => optional(look(path), entryOf),
    lstat: path => optional(resolve(root, path, false)?.node, entryOf),
    realpath: path => optional(resolve(root, path, true), realpathOf),
    exists: path => look(path) !== undefined,
    list: path => {
      const node = look(path)
      return node?.kind === 'dir' ? namesOf(node, path) : []
    },
    read: path => optional(readBytes(path), textOf),
    readBytes,
    glob: pattern => glob(pattern, (path, unknown) => (unknown === 'throw' ? look(path) : known(() => look(path)))),
    write(path, content, options = {}) {
      const names = placeFor(path, true)
      const bytes = typeof content === 'string' ? bytesOf(content) : Buffer.from(content)
      const before = look(pathOf(names))
      if (before?.kind === 'other') throw badPath(path, 'a device or socket is there')
      const owner = before ?? { mode: 0o644, ...ROOT_OWNED }
      const mode = options.mode ?? owner.mode
      if (before?.kind === 'file' && before.mode === mode && typeof before.content !== 'string' && before.content.equals(bytes)) return
      put(names, { kind: 'file', mode, uid: owner.uid, gid: owner.gid, sizeBytes: bytes.length, content: bytes })
    },
    symlink(target, path) {
      if (target === '' || target.includes('\0')) throw badPath(target, 'no link can point there')
      put(placeFor(path, false), { kind: 'link', mode: 0o777, ...ROOT_OWNED, target })
    },
    mkdir: (path, options = {}) => makeDirs(checked(path), options.mode ?? 0o755),
    remove: path => optional(resolve(root, path, false), ({ names, node }) => node && put(names, undefined)),
    changes: () => diffTrees(loaded, root),
    settled: () => createMemoryTree(root),
  }
}

function optional<T, R>(value: T | undefined, map: (value: T) => R): R | undefined {
  return value === undefined ? undefined : map(value)
}

/** The answer, or nothing where nobody looked: for links met on the way, which may lead anywhere. */
function known<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (error instanceof InstarError && error.code === 'guest.not-loaded') return undefined
    throw error
  }
}

function realpathOf(place: Place): string | undefined {
  return place.node === undefined ? undefined : pathOf(place.names)
}

function contentOf(node: FileNode, path: string): Buffer {
  if (node.content === 'too-large') {
    throw new InstarError('guest.too-large', `${path} of the guest has ${node.sizeBytes} bytes, more than is read`, {
      details: { path, sizeBytes: node.sizeBytes },
    })
  }
  if (node.content === 'unasked') throw notLoaded(path)
  return node.content
}

function checked(path: string): string {
  if (path.includes('\0')) throw badPath(path, 'it holds a NUL byte')
  return path
}

function badPath(path: string, why: string): InstarError {
  return new InstarError('guest.bad-path', `cannot write ${JSON.stringify(path)} in the guest: ${why}`, { details: { path } })
}
