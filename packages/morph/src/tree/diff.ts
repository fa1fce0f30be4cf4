import type { TreeChange } from './guest-tree.ts'
import type { Node } from './nodes.ts'
import { entryOf } from './nodes.ts'
import { pathOf } from './resolve.ts'

interface Pair {
  readonly names: readonly string[]
  readonly before: Node | undefined
  readonly after: Node | undefined
}

/**
 * What differs between two trees, sorted by path, folders before what they hold. Of a removed folder everything known below it is named
 * too. What became another kind (a link in place of a file) is "modified".
 */
export function diffTrees(before: Node, after: Node): TreeChange[] {
  const changes: { names: readonly string[]; change: TreeChange }[] = []
  const open: Pair[] = [{ names: [], before, after }]
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    if (pair.before === pair.after) continue
    const change = changeOf(pair)
    if (change !== undefined) changes.push({ names: pair.names, change })
    for (const name of childNames(pair))
      open.push({ names: [...pair.names, name], before: child(pair.before, name), after: child(pair.after, name) })
  }
  return changes.sort((a, b) => compareNames(a.names, b.names)).map(each => each.change)
}

function changeOf({ names, before, after }: Pair): TreeChange | undefined {
  const path = pathOf(names)
  if (after === undefined) return { path, change: 'removed', entry: entryOf(before!) }
  if (before !== undefined && isSame(before, after)) return undefined
  const content = after.kind === 'file' && typeof after.content !== 'string' ? { content: after.content } : {}
  return { path, change: before === undefined ? 'created' : 'modified', entry: entryOf(after), ...content }
}

/** Of two folders only their own mode counts here; what they hold is compared by itself. */
function isSame(before: Node, after: Node): boolean {
  if (before.kind !== after.kind || before.mode !== after.mode) return false
  if (before.kind === 'link') return before.target === (after as typeof before).target
  if (before.kind !== 'file') return true
  const other = (after as typeof before).content
  return typeof before.content === 'string' || typeof other === 'string' ? before.content === other : before.content.equals(other)
}

function childNames({ before, after }: Pair): Set<string> {
  const names = [before, after].flatMap(node => (node?.kind === 'dir' ? [...node.children.keys()] : []))
  return new Set(names)
}

function child(node: Node | undefined, name: string): Node | undefined {
  return node?.kind === 'dir' ? node.children.get(name) : undefined
}

/** Name by name, so that a folder stands directly before what it holds. */
function compareNames(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((name, index) => name !== b[index])
  if (at === -1) return a.length - b.length
  const [x, y] = [a[at]!, b[at]]
  return y === undefined || x > y ? 1 : -1
}
