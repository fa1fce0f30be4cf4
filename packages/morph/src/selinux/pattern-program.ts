import type { PatternNode } from './pattern-syntax.ts'

/** One instruction of a compiled pattern. `jump` goes on at each of its targets at once. */
export type Instruction =
  | { readonly kind: 'char'; readonly accepts: (char: string) => boolean }
  | { readonly kind: 'jump'; readonly to: readonly number[] }
  | { readonly kind: 'begin' | 'end' | 'match' }

/** Bounded repeats multiply: the biggest pattern of a distribution's policy needs some 200. */
const MAX_INSTRUCTIONS = 4000

/** The program of a pattern, or undefined when it would be too big. */
export function emit(node: PatternNode): Instruction[] | undefined {
  const program: Instruction[] = []
  return append(program, node) ? [...program, { kind: 'match' }] : undefined
}

function append(program: Instruction[], node: PatternNode): boolean {
  if (program.length > MAX_INSTRUCTIONS) return false
  switch (node.kind) {
    case 'char':
      program.push({ kind: 'char', accepts: char => char === node.char })
      return true
    case 'set':
      program.push({ kind: 'char', accepts: node.accepts })
      return true
    case 'begin':
    case 'end':
      program.push({ kind: node.kind })
      return true
    case 'sequence':
      return node.parts.every(part => append(program, part))
    case 'choice':
      return appendChoice(program, node.options)
    case 'repeat':
      return appendRepeat(program, node)
  }
}

function appendChoice(program: Instruction[], options: readonly PatternNode[]): boolean {
  const fork = program.push({ kind: 'jump', to: [] }) - 1
  const starts: number[] = []
  const leaves: number[] = []
  for (const option of options) {
    starts.push(program.length)
    if (!append(program, option)) return false
    leaves.push(program.push({ kind: 'jump', to: [] }) - 1)
  }
  program[fork] = { kind: 'jump', to: starts }
  for (const leave of leaves) program[leave] = { kind: 'jump', to: [program.length] }
  return true
}

function appendRepeat(program: Instruction[], node: PatternNode & { kind: 'repeat' }): boolean {
  for (let count = 0; count < node.min; count += 1) if (!append(program, node.part)) return false
  if (node.max === undefined) {
    const loop = program.push({ kind: 'jump', to: [] }) - 1
    if (!append(program, node.part)) return false
    program.push({ kind: 'jump', to: [loop] })
    program[loop] = { kind: 'jump', to: [loop + 1, program.length] }
    return true
  }
  const skips: number[] = []
  for (let count = node.min; count < node.max; count += 1) {
    skips.push(program.push({ kind: 'jump', to: [] }) - 1)
    if (!append(program, node.part)) return false
  }
  for (const skip of skips) program[skip] = { kind: 'jump', to: [skip + 1, program.length] }
  return true
}
