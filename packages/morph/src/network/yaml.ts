/** What netplan's files hold: texts, lists and mappings; numbers and booleans stay texts. */
export type Yaml = string | null | Yaml[] | YamlMap
export type YamlMap = Map<string, Yaml>

/** The reason why a text is not understood. */
export class YamlProblem extends Error {
  override readonly name = 'YamlProblem'
}

const MAX_BYTES = 256 * 1024
const MAX_DEPTH = 32

interface Line {
  readonly indent: number
  readonly text: string
}

/** The lines that are still to be read. */
class Lines {
  readonly #lines: Line[]

  /** In reverse, so that taking one is cheap whatever their number. */
  constructor(lines: readonly Line[]) {
    this.#lines = lines.toReversed()
  }

  get first(): Line | undefined {
    return this.#lines.at(-1)
  }

  take(): Line | undefined {
    return this.#lines.pop()
  }

  replaceFirst(line: Line): void {
    this.#lines.pop()
    this.#lines.push(line)
  }
}

/**
 * Reads the part of YAML that network configuration is written in: mappings and lists by indentation or in brackets, quoted and plain
 * texts, texts of several lines. Anchors, tags and tabs as indentation are not understood. Throws `YamlProblem`.
 */
export function parseYaml(text: string): Yaml {
  if (text.length > MAX_BYTES) throw new YamlProblem(`it is larger than ${MAX_BYTES} bytes`)
  const lines = linesOf(text)
  if (lines.first === undefined) return null
  const value = parseBlock(lines, lines.first.indent, 0)
  if (lines.first !== undefined) throw new YamlProblem(`"${lines.first.text.slice(0, 40)}" is not indented like what is around it`)
  return value
}

function linesOf(text: string): Lines {
  const lines: Line[] = []
  for (const raw of text.split('\n')) {
    const content = withoutComment(raw.replace(/\r$/, '')).trimEnd()
    if (content.trim() === '' || /^(?:---|\.\.\.|%)/.test(content)) continue
    const indent = content.length - content.trimStart().length
    if (content.slice(0, indent).includes('\t')) throw new YamlProblem('a tab stands as indentation')
    lines.push({ indent, text: content.trimStart() })
  }
  return new Lines(lines)
}

/** A `#` starts a comment at the start of a line or after a blank, outside quotes. */
function withoutComment(line: string): string {
  let quote = ''
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!
    if (quote === '"' && char === '\\') at++
    else if (quote !== '') quote = char === quote ? '' : quote
    else if ((char === '"' || char === "'") && (at === 0 || /[\s[{,:-]/.test(line[at - 1]!))) quote = char
    else if (char === '#' && (at === 0 || /\s/.test(line[at - 1]!))) return line.slice(0, at)
  }
  return line
}

function parseBlock(lines: Lines, indent: number, depth: number): Yaml {
  if (depth > MAX_DEPTH) throw new YamlProblem(`it is nested deeper than ${MAX_DEPTH}`)
  const first = lines.first?.text ?? ''
  if (isItem(first)) return parseList(lines, indent, depth)
  if (splitKey(first) !== undefined) return parseMap(lines, indent, depth)
  return parseValue(lines.take()?.text ?? '', lines, depth)
}

function isItem(text: string): boolean {
  return text === '-' || text.startsWith('- ')
}

function parseList(lines: Lines, indent: number, depth: number): Yaml[] {
  const list: Yaml[] = []
  for (let line = lines.first; line?.indent === indent && isItem(line.text); line = lines.first) {
    const rest = line.text.slice(1).trimStart()
    if (rest === '') {
      lines.take()
      list.push(nestedBelow(lines, indent, depth))
    } else {
      // What follows the dash is a block of its own, indented by where it stands.
      const at = line.indent + line.text.length - rest.length
      lines.replaceFirst({ indent: at, text: rest })
      list.push(parseBlock(lines, at, depth + 1))
    }
  }
  return list
}

function parseMap(lines: Lines, indent: number, depth: number): YamlMap {
  const map: YamlMap = new Map()
  for (let line = lines.first; line?.indent === indent && !isItem(line.text); line = lines.first) {
    const pair = splitKey(line.text)
    if (pair === undefined) throw new YamlProblem(`"${line.text.slice(0, 40)}" is no "key: value"`)
    lines.take()
    const [key, rest] = pair
    // A list may stand right below its key, not indented.
    const isListBelow = rest === '' && lines.first?.indent === indent && isItem(lines.first.text)
    if (rest !== '') map.set(key, parseValue(rest, lines, depth, indent))
    else map.set(key, isListBelow ? parseList(lines, indent, depth + 1) : nestedBelow(lines, indent, depth))
  }
  return map
}

function nestedBelow(lines: Lines, indent: number, depth: number): Yaml {
  const next = lines.first
  return next !== undefined && next.indent > indent ? parseBlock(lines, next.indent, depth + 1) : null
}

/** "key: rest", the key plain or quoted; `undefined` when the text is no such pair. */
function splitKey(text: string): [key: string, rest: string] | undefined {
  const quoted = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*:(?:\s+(.*))?$/s.exec(text)
  if (quoted !== null) return [unquote(quoted[1]!), quoted[2]?.trim() ?? '']
  if (/^["'[{&*!|>%@`]/.test(text)) return undefined
  const at = text.search(/:(?:\s|$)/)
  return at <= 0 ? undefined : [text.slice(0, at).trim(), text.slice(at + 1).trim()]
}

function parseValue(text: string, lines: Lines, depth: number, indent = -1): Yaml {
  if (/^[|>][-+\d]*$/.test(text)) {
    const parts: string[] = []
    while (lines.first !== undefined && lines.first.indent > indent) parts.push(lines.take()?.text ?? '')
    return parts.join(text.startsWith('|') ? '\n' : ' ')
  }
  if (/^[&*!@`%]/.test(text)) throw new YamlProblem(`"${text.slice(0, 20)}" (anchors and tags are not understood)`)
  if (!/^[[{]/.test(text)) return scalar(text)
  const pieces = [text]
  for (let open = openBrackets(text); open > 0 && lines.first !== undefined; open += openBrackets(pieces.at(-1)!))
    pieces.push(lines.take()?.text ?? '')
  const flow = pieces.join(' ')
  const reader = { text: flow, at: 0 }
  const value = parseFlow(reader, depth + 1)
  if (flow.slice(reader.at).trim() !== '') throw new YamlProblem(`"${flow.slice(reader.at, reader.at + 20)}" follows a closing bracket`)
  return value
}

function scalar(text: string): string | null {
  if (/^["']/.test(text)) return unquote(text)
  return text === '~' || text === 'null' || text === '' ? null : text
}

function unquote(text: string): string {
  const inner = text.slice(1, -1)
  if (text.length < 2 || text.at(-1) !== text[0]) throw new YamlProblem(`a quote of ${text.slice(0, 20)} does not end`)
  return text.startsWith("'") ? inner.replaceAll("''", "'") : inner.replaceAll(/\\(.)/g, '$1')
}

const FLOW_TOKEN =
  /\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[[\]{},]|:(?=\s|$|[[{"'])|(?:[^\s,[\]{}:]|:(?=\S))+(?:[ \t]+(?:[^\s,[\]{}:#]|:(?=\S))+)*)/y

function nextToken(reader: { text: string; at: number }): string {
  FLOW_TOKEN.lastIndex = reader.at
  const found = FLOW_TOKEN.exec(reader.text)
  if (found === null) throw new YamlProblem('a bracket does not end')
  reader.at = FLOW_TOKEN.lastIndex
  return found[1]!
}

function parseFlow(reader: { text: string; at: number }, depth: number): Yaml {
  if (depth > MAX_DEPTH) throw new YamlProblem(`it is nested deeper than ${MAX_DEPTH}`)
  const token = nextToken(reader)
  if (token === '[') return parseFlowList(reader, depth)
  if (token === '{') return parseFlowMap(reader, depth)
  if (/^[\]},:]$/.test(token)) throw new YamlProblem(`"${token}" stands where a value belongs`)
  return scalar(token)
}

function parseFlowList(reader: { text: string; at: number }, depth: number): Yaml[] {
  const list: Yaml[] = []
  for (;;) {
    const start = reader.at
    const token = nextToken(reader)
    if (token === ']') return list
    if (token === ',') continue
    reader.at = start
    list.push(parseFlow(reader, depth + 1))
  }
}

function parseFlowMap(reader: { text: string; at: number }, depth: number): YamlMap {
  const map: YamlMap = new Map()
  for (;;) {
    const token = nextToken(reader)
    if (token === '}') return map
    if (token === ',') continue
    // "key:" may be one token with its colon when a bracket or quote follows at once.
    const hasColon = token.endsWith(':') && !/^["']/.test(token)
    const key = scalar(hasColon ? token.slice(0, -1) : token) ?? ''
    if (!hasColon && nextToken(reader) !== ':') throw new YamlProblem(`"${token.slice(0, 20)}" has no value`)
    map.set(key, parseFlow(reader, depth + 1))
  }
}

function openBrackets(text: string): number {
  const brackets = text.replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'/g, '')
  return (brackets.match(/[[{]/g) ?? []).length - (brackets.match(/[\]}]/g) ?? []).length
}

/** The text of a mapping, by indentation; texts that could be taken for something else are quoted. */
export function emitYaml(map: YamlMap, indent = ''): string {
  return [...map].map(([key, value]) => `${indent}${emitScalar(key)}:${emitBelow(value, `${indent}  `)}`).join('')
}

function emitBelow(value: Yaml, indent: string): string {
  if (value instanceof Map) return value.size === 0 ? ' {}\n' : `\n${emitYaml(value, indent)}`
  if (!Array.isArray(value)) return ` ${value === null ? 'null' : emitScalar(value)}\n`
  if (value.length === 0) return ' []\n'
  return `\n${value.map(item => `${indent}-${emitItem(item, indent)}`).join('')}`
}

function emitItem(item: Yaml, indent: string): string {
  const below = emitBelow(item, `${indent}  `)
  // The first line of a mapping stands beside its dash.
  return item instanceof Map && item.size > 0 ? ` ${below.trimStart()}` : below
}

function emitScalar(text: string): string {
  const isPlain = /^(?:[A-Za-z][\w./-]*|\d{1,9}|\d+\.\d+\.\d+\.\d+(?:\/\d+)?)$/.test(text) && !/^(?:null|y|n)$/i.test(text)
  return isPlain ? text : JSON.stringify(text)
}
