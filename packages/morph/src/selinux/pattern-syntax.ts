/** A pattern as a tree. */
export type PatternNode =
  | { readonly kind: 'char'; readonly char: string }
  | { readonly kind: 'set'; readonly accepts: (char: string) => boolean }
  | { readonly kind: 'begin' | 'end' }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly part: PatternNode; readonly min: number; readonly max?: number }

const MAX_LENGTH = 2000
const MAX_DEPTH = 30
const MAX_REPEAT = 255

const ESCAPES: Readonly<Record<string, RegExp>> = { d: /^\d$/, D: /^\D$/, w: /^\w$/, W: /^\W$/, s: /^\s$/, S: /^\S$/ }
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', e: '\u001b', a: '\u0007' }
const POSIX: Readonly<Record<string, RegExp>> = {
  alnum: /^[A-Za-z0-9]$/,
  alpha: /^[A-Za-z]$/,
  digit: /^\d$/,
  xdigit: /^[0-9A-Fa-f]$/,
  lower: /^[a-z]$/,
  upper: /^[A-Z]$/,
  space: /^\s$/,
  blank: /^[ \t]$/,
  punct: /^[!-/:-@[-`{-~]$/,
}

/** Raised and caught in this file: the pattern is not of the subset. */
class Unsupported extends Error {}

/** Parses a pattern of the subset of `compilePattern`, or gives undefined. */
export function parsePattern(source: string): PatternNode | undefined {
  if (source.length > MAX_LENGTH) return undefined
  try {
    const reader = { source, at: 0 }
    const node = parseChoice(reader, 0)
    return reader.at === source.length ? node : undefined
  } catch (error) {
    if (error instanceof Unsupported) return undefined
    throw error
  }
}

interface Reader {
  readonly source: string
  at: number
}

function parseChoice(reader: Reader, depth: number): PatternNode {
  if (depth > MAX_DEPTH) throw new Unsupported()
  const options = [parseSequence(reader, depth)]
  while (take(reader, '|')) options.push(parseSequence(reader, depth))
  return options.length === 1 ? options[0]! : { kind: 'choice', options }
}

function parseSequence(reader: Reader, depth: number): PatternNode {
  const parts: PatternNode[] = []
  while (reader.at < reader.source.length && !'|)'.includes(reader.source[reader.at]!)) parts.push(parseRepeat(reader, depth))
  return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts }
}

function parseRepeat(reader: Reader, depth: number): PatternNode {
  const part = parseAtom(reader, depth)
  const bounds = readBounds(reader)
  if (bounds === undefined) return part
  if (part.kind === 'begin' || part.kind === 'end') throw new Unsupported()
  // Lazy and possessive marks: a lazy one matches the same texts; a possessive one does not.
  take(reader, '?')
  if ('*+'.includes(reader.source[reader.at] ?? ' ')) throw new Unsupported()
  return { kind: 'repeat', part, ...bounds }
}

function readBounds(reader: Reader): { min: number; max?: number } | undefined {
  if (take(reader, '*')) return { min: 0 }
  if (take(reader, '+')) return { min: 1 }
  if (take(reader, '?')) return { min: 0, max: 1 }
  const found = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(reader.source.slice(reader.at, reader.at + 12))
  if (found === null) return undefined
  reader.at += found[0].length
  const min = Number(found[1])
  const max = found[2] === undefined ? min : found[3] === '' ? undefined : Number(found[3])
  if (min > MAX_REPEAT || (max ?? 0) > MAX_REPEAT || (max !== undefined && max < min)) throw new Unsupported()
  return { min, ...(max === undefined ? {} : { max }) }
}

function parseAtom(reader: Reader, depth: number): PatternNode {
  const char = next(reader)
  if (char === '(') return parseGroup(reader, depth)
  if (char === '[') return { kind: 'set', accepts: parseClass(reader) }
  if (char === '.') return { kind: 'set', accepts: () => true }
  if (char === '^') return { kind: 'begin' }
  if (char === '$') return { kind: 'end' }
  if ('*+?'.includes(char)) throw new Unsupported()
  return char === '\\' ? parseEscape(reader) : { kind: 'char', char }
}

function parseGroup(reader: Reader, depth: number): PatternNode {
  if (take(reader, '?') && !take(reader, ':')) throw new Unsupported()
  const node = parseChoice(reader, depth + 1)
  if (!take(reader, ')')) throw new Unsupported()
  return node
}

function parseEscape(reader: Reader): PatternNode {
  const char = next(reader)
  const set = ESCAPES[char]
  if (set !== undefined) return { kind: 'set', accepts: one => set.test(one) }
  return { kind: 'char', char: plainEscape(char) }
}

function plainEscape(char: string): string {
  const control = CONTROLS[char]
  if (control !== undefined) return control
  if (/[A-Za-z0-9]/.test(char)) throw new Unsupported()
  return char
}

function parseClass(reader: Reader): (char: string) => boolean {
  const isNegated = take(reader, '^')
  const members: ((char: string) => boolean)[] = []
  for (let isFirst = true; isFirst || reader.source[reader.at] !== ']'; isFirst = false) members.push(parseMember(reader))
  reader.at += 1
  return char => members.some(accepts => accepts(char)) !== isNegated
}

function parseMember(reader: Reader): (char: string) => boolean {
  const named = /^\[:(\^?)(\w+):\]/.exec(reader.source.slice(reader.at, reader.at + 20))
  if (named !== null) return posixClass(reader, named)
  const char = next(reader)
  const set = char === '\\' ? ESCAPES[reader.source[reader.at] ?? ''] : undefined
  if (set !== undefined) {
    reader.at += 1
    return one => set.test(one)
  }
  const from = char === '\\' ? plainEscape(next(reader)) : char
  const isRange = reader.source[reader.at] === '-' && reader.source[reader.at + 1] !== ']'
  if (!isRange) return one => one === from
  reader.at += 1
  const last = next(reader)
  const to = last === '\\' ? plainEscape(next(reader)) : last
  if (to < from) throw new Unsupported()
  return one => one >= from && one <= to
}

function posixClass(reader: Reader, [text, negated, name]: RegExpExecArray): (char: string) => boolean {
  const set = POSIX[name ?? '']
  if (set === undefined) throw new Unsupported()
  reader.at += text.length
  return char => set.test(char) !== (negated === '^')
}

function next(reader: Reader): string {
  const char = reader.source[reader.at]
  if (char === undefined) throw new Unsupported()
  reader.at += 1
  return char
}

function take(reader: Reader, char: string): boolean {
  if (reader.source[reader.at] !== char) return false
  reader.at += 1
  return true
}
