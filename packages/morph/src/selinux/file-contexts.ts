import type { Pattern } from './pattern.ts'
import { compilePattern } from './pattern.ts'

export type EntryKind = 'file' | 'dir' | 'link' | 'block' | 'char' | 'socket' | 'pipe'

/** A line of a file_contexts file. */
export interface ContextSpec {
  readonly pattern: string
  /** Absent: any kind. */
  readonly kind?: EntryKind
  /** Absent: `<<none>>`, such a path gets no label. */
  readonly label?: string
}

const KINDS: Readonly<Record<string, EntryKind>> = {
  '--': 'file',
  '-d': 'dir',
  '-l': 'link',
  '-b': 'block',
  '-c': 'char',
  '-s': 'socket',
  '-p': 'pipe',
}

/** Parses file_contexts(5): pattern, optional kind, label. Lines that are not of that form are left out. */
export function parseFileContexts(text: string): ContextSpec[] {
  return text.split('\n').flatMap(line => {
    const [pattern, second, third] = line.trim().split(/\s+/)
    const label = third ?? second
    if (pattern === undefined || label === undefined || pattern.startsWith('#')) return []
    const kind = third === undefined ? undefined : KINDS[second!]
    if (third !== undefined && kind === undefined) return []
    return [{ pattern, ...(kind === undefined ? {} : { kind }), ...(label === '<<none>>' ? {} : { label }) }]
  })
}

/** A path prefix that is labelled as if it were another (file_contexts.subs). */
export interface Substitution {
  readonly from: string
  readonly to: string
}

export function parseSubstitutions(text: string): Substitution[] {
  return text.split('\n').flatMap(line => {
    const [from, to] = line.trim().split(/\s+/)
    return from === undefined || to === undefined || from.startsWith('#') ? [] : [{ from, to }]
  })
}

/** `unknown`: a pattern that we cannot match safely comes before any that fits, so nothing is certain. */
export type LabelAnswer =
  | { readonly kind: 'label'; readonly label: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly pattern: string }

export interface LabelRules {
  /** file_contexts, then .homedirs, then .local: libselinux reads them in that order. */
  readonly specs: readonly ContextSpec[]
  /** Of the administrator (.subs) and of the distribution (.subs_dist): the second is applied to what the first gave. */
  readonly subs: readonly Substitution[]
  readonly distSubs: readonly Substitution[]
}

/**
 * Answers which label a path gets, as libselinux does (selabel_file(5)): the last line that fits wins, but a line without any
 * metacharacter is stronger than all with one. Patterns cover the whole path.
 */
export function createLabeller({ specs, subs, distSubs }: LabelRules): (path: string, kind: EntryKind) => LabelAnswer {
  const strongestFirst = [
    ...specs.filter(({ pattern }) => hasMeta(pattern)),
    ...specs.filter(({ pattern }) => !hasMeta(pattern)),
  ].toReversed()
  const stems = strongestFirst.map(({ pattern }) => literalStem(pattern))
  const compiled = new Map<string, Pattern | undefined>()
  const compile = (pattern: string): Pattern | undefined => {
    if (!compiled.has(pattern)) compiled.set(pattern, compilePattern(pattern, { anchored: true }))
    return compiled.get(pattern)
  }
  return (path, kind) => {
    const key = substitute(substitute(cleaned(path), subs), distSubs)
    for (const [index, spec] of strongestFirst.entries()) {
      if ((spec.kind !== undefined && spec.kind !== kind) || !key.startsWith(stems[index]!)) continue
      const pattern = compile(spec.pattern)
      if (pattern === undefined) return { kind: 'unknown', pattern: spec.pattern }
      if (pattern.test(key)) return spec.label === undefined ? { kind: 'none' } : { kind: 'label', label: spec.label }
    }
    return { kind: 'none' }
  }
}

function hasMeta(pattern: string): boolean {
  return /[.^$?*+|[({]/.test(pattern.replace(/\\./gs, ''))
}

/** What every match starts with, without compiling: thousands of patterns are passed over by it. */
function literalStem(pattern: string): string {
  if (pattern.includes('|')) return ''
  const plain = /^(?:[^.^$?*+|[({\\]|\\[^A-Za-z0-9])*/.exec(pattern)![0]
  const isRepeated = /^[?*+{]/.test(pattern.slice(plain.length))
  return (isRepeated ? plain.replace(/\\?.$/s, '') : plain).replace(/\\(.)/gs, '$1')
}

function cleaned(path: string): string {
  return path.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '')
}

/** The longest prefix of whole names that has a substitution. */
function substitute(path: string, subs: readonly Substitution[]): string {
  const fitting = subs.filter(({ from }) => path === from || path.startsWith(`${from}/`))
  const best = fitting.toSorted((a, b) => b.from.length - a.from.length)[0]
  if (best === undefined) return path
  const rest = path.slice(best.from.length)
  return best.to === '/' && rest !== '' ? rest : best.to + rest
}
