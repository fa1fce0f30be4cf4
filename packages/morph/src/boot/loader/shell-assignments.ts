export interface ShellAssignment {
  readonly name: string
  readonly isAppend: boolean
  /** Parts of the value in order, quotes not included; `start` and `end` are places in the text. */
  readonly parts: readonly ValuePart[]
  /** Where the value ends in the text, its last quote included. */
  readonly end: number
}

export interface ValuePart {
  readonly start: number
  readonly end: number
  readonly quote: "'" | '"' | ''
}

/** The assignments of a file that a shell sources (/etc/default/grub): quotes, `+=`, `export`, values over several lines. */
export function findAssignments(text: string): ShellAssignment[] {
  const found: ShellAssignment[] = []
  const start = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)(\+?)=/gm
  for (let match = start.exec(text); match !== null; match = start.exec(text)) {
    const { parts, end } = scanValue(text, start.lastIndex)
    found.push({ name: match[1] ?? '', isAppend: match[2] === '+', parts, end })
    start.lastIndex = Math.max(start.lastIndex, end)
  }
  return found
}

function scanValue(text: string, from: number): { parts: ValuePart[]; end: number } {
  const parts: ValuePart[] = []
  let at = from
  while (at < text.length && !/[\s;#]/.test(text[at] ?? '')) {
    const quote = text[at] === '"' || text[at] === "'" ? (text[at] as '"' | "'") : ''
    const start = quote === '' ? at : at + 1
    const end = endOfPart(text, start, quote)
    parts.push({ start, end, quote })
    at = quote === '' ? end : end + 1
  }
  return { parts, end: Math.min(at, text.length) }
}

function endOfPart(text: string, start: number, quote: ValuePart['quote']): number {
  const stop = quote === '' ? /[\s;"']/ : quote === '"' ? /"/ : /'/
  let at = start
  while (at < text.length && !stop.test(text[at] ?? '')) at += text[at] === '\\' && quote !== "'" ? 2 : 1
  return Math.min(at, text.length)
}

/** The value as the shell would see it, `$` not expanded. */
export function valueOf(text: string, assignment: ShellAssignment): string {
  return assignment.parts
    .map(({ start, end, quote }) => {
      const raw = text.slice(start, end)
      if (quote === "'") return raw
      return quote === '"' ? raw.replaceAll(/\\(["\\$`])/g, '$1').replaceAll('\\\n', '') : raw.replaceAll(/\\([\s\S])/g, '$1')
    })
    .join('')
}

/** Rewrites the inner text of values; what the function leaves equal stays byte for byte, quotes included. */
export function editValues(text: string, assignments: readonly ShellAssignment[], edit: (inner: string) => string): string {
  const pieces: string[] = []
  let at = 0
  for (const { start, end } of assignments.flatMap(assignment => assignment.parts)) {
    pieces.push(text.slice(at, start), edit(text.slice(start, end)))
    at = end
  }
  return [...pieces, text.slice(at)].join('')
}

/** Adds words at the end of a value: within its last quotes, or in quotes of their own. */
export function appendToValue(text: string, assignment: ShellAssignment, words: string): string {
  const last = assignment.parts.at(-1)
  if (last === undefined || last.quote === '')
    return `${text.slice(0, assignment.end)}"${last === undefined ? '' : ' '}${words}"${text.slice(assignment.end)}`
  const gap = last.end > last.start && !/\s$/.test(text.slice(last.start, last.end)) ? ' ' : ''
  return text.slice(0, last.end) + gap + words + text.slice(last.end)
}
