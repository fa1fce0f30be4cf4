import type { DirNode, Node } from './nodes.ts'
import { namesOf } from './nodes.ts'
import { partsOf, pathOf } from './resolve.ts'

const WILDCARD = /[*?[]/

/**
 * Paths of what is not a folder and matches, as a shell would list them: `*`, `?`, `[a-z]`, `[!x]` within a name, `**` for any number of
 * folders; a leading dot must be written. Plain names may be links to folders, names found by a wildcard are not entered when they are.
 * Patterns come from guests too (`source` lines): the walk sees each folder once, whatever the pattern.
 */
export function glob(pattern: string, look: Look): string[] {
  const parts = partsOf(pattern)
  const first = parts.findIndex(part => WILDCARD.test(part))
  const plain = first === -1 ? parts : parts.slice(0, first)
  const start = look(pathOf(plain), 'throw')
  if (first === -1) return start !== undefined && start.kind !== 'dir' ? [pathOf(plain)] : []
  if (start?.kind !== 'dir') return []
  const found: string[] = []
  const open: Open[] = [{ dir: start, names: plain, states: [...closure(parts, [first])] }]
  for (let at = open.pop(); at !== undefined; at = open.pop()) open.push(...enter(at, parts, found, look))
  return found.sort()
}

/** What is at a path, links followed. A link that leads where nobody looked: an error, or nothing. */
export type Look = (path: string, unknown: 'throw' | 'nothing') => Node | undefined

interface Open {
  readonly dir: DirNode
  readonly names: readonly string[]
  /** Places in the pattern that the next name may match. */
  readonly states: readonly number[]
}

function enter(at: Open, parts: readonly string[], found: string[], look: Look): Open[] {
  const open: Open[] = []
  for (const name of namesOf(at.dir, pathOf(at.names))) {
    const names = [...at.names, name]
    const plainHit = at.states.some(state => parts[state] === name)
    const matched = at.states.flatMap(state => step(parts, state, name))
    if (matched.length === 0) continue
    // Only a name written out is followed, as promised above; a listed child is never looked up again.
    const node = plainHit ? (look(pathOf(names), 'nothing') ?? at.dir.children.get(name)!) : at.dir.children.get(name)!
    if (node.kind !== 'dir') {
      const isLinkToDir = node.kind === 'link' && look(pathOf(names), 'nothing')?.kind === 'dir'
      if (!isLinkToDir && matched.includes(parts.length)) found.push(pathOf(names))
    } else open.push({ dir: node, names, states: [...closure(parts, matched)] })
  }
  return open.filter(next => next.states.length > 0)
}

/** Where the pattern stands after this name: the next part, or the same `**` again. */
function step(parts: readonly string[], state: number, name: string): number[] {
  const part = parts[state]
  if (part === undefined) return []
  if (part === '**') return name.startsWith('.') ? [] : state === parts.length - 1 ? [state, parts.length] : [state]
  return matchesName(part, name) ? [state + 1] : []
}

/** `**` may stand for no folder at all: the part after it is possible at once. */
function closure(parts: readonly string[], states: readonly number[]): Set<number> {
  const all = new Set(states)
  for (const state of all) if (parts[state] === '**' && state + 1 < parts.length) all.add(state + 1)
  return all
}

/** One name against one part of a pattern, in time proportional to their product (no regular expression: patterns may be hostile). */
export function matchesName(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false
  const tokens = tokensOf(pattern)
  let token = 0
  let at = 0
  let star = -1
  let starAt = 0
  while (at < name.length) {
    if (tokens[token] === '*') {
      star = token++
      starAt = at
    } else if (token < tokens.length && matchesOne(tokens[token]!, name[at]!)) {
      token++
      at++
    } else if (star >= 0) {
      token = star + 1
      at = ++starAt
    } else return false
  }
  return tokens.slice(token).every(rest => rest === '*')
}

/** Behind the last `]` no set is looked for: a row of `[` would be searched to its end again and again. */
function tokensOf(pattern: string): string[] {
  const end = pattern.lastIndexOf(']') + 1
  const withSets = pattern.slice(0, end).matchAll(/\[[!^]?\]?[^\]]*\]|\\.|[\s\S]/g)
  const withoutSets = pattern.slice(end).matchAll(/\\.|[\s\S]/g)
  return [...withSets, ...withoutSets].map(found => found[0])
}

function matchesOne(token: string, char: string): boolean {
  if (token === '?') return true
  if (token.length > 1 && token.startsWith('\\')) return token[1] === char
  if (token.length < 3 || !token.startsWith('[')) return token === char
  const isNegated = token[1] === '!' || token[1] === '^'
  const set = token.slice(isNegated ? 2 : 1, -1)
  return isInSet(set, char) !== isNegated
}

function isInSet(set: string, char: string): boolean {
  for (let at = 0; at < set.length; at++) {
    const isRange = set[at + 1] === '-' && at + 2 < set.length
    if (isRange ? char >= set[at]! && char <= set[at + 2]! : char === set[at]) return true
    if (isRange) at += 2
  }
  return false
}
