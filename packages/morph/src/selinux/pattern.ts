import { emit } from './pattern-program.ts'
import type { Instruction } from './pattern-program.ts'
import { parsePattern } from './pattern-syntax.ts'
import type { PatternNode } from './pattern-syntax.ts'

/** A regular expression of the guest, matched in time linear in text and pattern: a hostile one cannot hang us. */
export interface Pattern {
  /** Characters that every match starts with: a cheap first test. Empty when the pattern is not anchored. */
  readonly stem: string
  test(text: string): boolean
}

/**
 * Compiles the subset of PCRE that SELinux file contexts and LVM filters use: characters, classes, `.` (any character, as libselinux
 * compiles with DOTALL), groups, `|`, `* + ? {n,m}`, `^`, `$`. Gives undefined for anything else (look-around, back references) and for a
 * pattern that is too long, too deep or too big: the caller must not guess then.
 */
export function compilePattern(source: string, options: { anchored: boolean }): Pattern | undefined {
  const node = parsePattern(source)
  const program = node === undefined ? undefined : emit(node)
  if (node === undefined || program === undefined) return undefined
  return { stem: options.anchored ? stemOf(node) : '', test: text => matches(program, text, options.anchored) }
}

function stemOf(node: PatternNode): string {
  if (node.kind === 'char') return node.char
  if (node.kind !== 'sequence') return ''
  const end = node.parts.findIndex(part => part.kind !== 'char')
  return node.parts
    .slice(0, end === -1 ? undefined : end)
    .map(stemOf)
    .join('')
}

function matches(program: readonly Instruction[], text: string, anchored: boolean): boolean {
  let current: number[] = []
  let seen = new Set<number>()
  for (let at = 0; at <= text.length; at += 1) {
    if (at === 0 || !anchored) follow(program, 0, { at, length: text.length, seen, found: current })
    const isMatch = current.some(pc => program[pc]!.kind === 'match')
    if (isMatch && (!anchored || at === text.length)) return true
    const next: number[] = []
    seen = new Set()
    for (const pc of current) {
      const instruction = program[pc]!
      if (instruction.kind !== 'char' || at === text.length || !instruction.accepts(text[at]!)) continue
      follow(program, pc + 1, { at: at + 1, length: text.length, seen, found: next })
    }
    current = next
  }
  return false
}

/** Adds every instruction that can be reached from `from` without reading a character; each at most once a position. */
function follow(
  program: readonly Instruction[],
  from: number,
  place: { readonly at: number; readonly length: number; readonly seen: Set<number>; readonly found: number[] },
): void {
  const open = [from]
  for (let pc = open.pop(); pc !== undefined; pc = open.pop()) {
    if (place.seen.has(pc)) continue
    place.seen.add(pc)
    const instruction = program[pc]!
    if (instruction.kind === 'jump') open.push(...instruction.to)
    else if (instruction.kind === 'begin') open.push(...(place.at === 0 ? [pc + 1] : []))
    else if (instruction.kind === 'end') open.push(...(place.at === place.length ? [pc + 1] : []))
    else place.found.push(pc)
  }
}
