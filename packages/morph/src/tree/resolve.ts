import type { DirNode, Node } from './nodes.ts'
import { childOf } from './nodes.ts'

/** Links followed for one path before it counts as a loop (the kernel's own limit, path_resolution(7)). */
const MAX_LINKS = 40

/** Where a path leads: the names from the root with no link among them, and what is there. `missing` = the part that does not exist. */
export interface Place {
  readonly names: readonly string[]
  readonly node: Node | undefined
  readonly missing: readonly string[]
}

export function partsOf(path: string): string[] {
  return path.split('/').filter(part => part !== '' && part !== '.')
}

/**
 * Walks a path inside the tree: an absolute link target starts at the root of the tree, `..` at the root stays there. `undefined` when it
 * leads through a file, a loop of links, or `..` below something that is not there. Throws `guest.not-loaded`.
 */
export function resolve(root: DirNode, path: string, followLast: boolean): Place | undefined {
  const way: { name: string; node: Node }[] = []
  const ahead = partsOf(path).toReversed()
  let links = 0
  while (ahead.length > 0) {
    const part = ahead.pop()!
    if (part === '..') {
      way.pop()
      continue
    }
    const dir = way.at(-1)?.node ?? root
    if (dir.kind !== 'dir') return undefined
    const node = childOf(dir, part, pathOf([...way.map(step => step.name), part]))
    if (node === undefined) return missingAt(way, [part, ...ahead.toReversed()])
    if (node.kind === 'link' && (followLast || ahead.length > 0)) {
      if (++links > MAX_LINKS) return undefined
      if (node.target.startsWith('/')) way.length = 0
      ahead.push(...partsOf(node.target).toReversed())
    } else way.push({ name: part, node })
  }
  return { names: way.map(step => step.name), node: way.at(-1)?.node ?? root, missing: [] }
}

function missingAt(way: readonly { name: string }[], missing: readonly string[]): Place | undefined {
  return missing.includes('..') ? undefined : { names: way.map(step => step.name), node: undefined, missing }
}

export function pathOf(names: readonly string[]): string {
  return `/${names.join('/')}`
}
