/** A line of fstab or crypttab that is neither empty nor a comment. */
export interface TableLine {
  /** From 1. */
  readonly number: number
  /** As written: quotes and octal escapes untouched. */
  readonly fields: readonly string[]
}

/** Replaces fields (by index, from 0), or turns the line into a comment below a note that says why. */
export type TableEdit =
  | { readonly kind: 'fields'; readonly values: ReadonlyMap<number, string> }
  | { readonly kind: 'comment'; readonly note: string }

/**
 * Edits a table of white-space separated fields (fstab(5), crypttab(5)) so that everything but the fields named stays byte for byte:
 * other lines, comments, tabs, quotes, line ends and a missing last newline.
 */
export function editTable(text: string, decide: (line: TableLine) => TableEdit | undefined): string {
  return text
    .split('\n')
    .map((line, index) => editLine(line, index + 1, decide))
    .join('\n')
}

/** The lines of a table without changing it. */
export function tableLines(text: string): TableLine[] {
  const lines: TableLine[] = []
  editTable(text, line => {
    lines.push(line)
    return undefined
  })
  return lines
}

/** A field as its reader sees it: quotes around it or its value gone, octal escapes (`\040`) decoded. */
export function fieldValue(field: string): string {
  return field
    .replace(/^(\w+=)?(["'])(.*)\2$/, '$1$3')
    .replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

function editLine(line: string, number: number, decide: (line: TableLine) => TableEdit | undefined): string {
  const found = [...line.matchAll(/[^ \t\r]+/g)]
  if (found.length === 0 || found[0]![0].startsWith('#')) return line
  const edit = decide({ number, fields: found.map(([field]) => field) })
  if (edit === undefined) return line
  if (edit.kind === 'comment') return `# instar: ${oneLine(edit.note)}\n# ${line}`
  let result = line
  for (const [index, { 0: field, index: at }] of [...found.entries()].toReversed()) {
    const value = edit.values.get(index)
    if (value !== undefined) result = result.slice(0, at) + value + result.slice(at + field.length)
  }
  return result
}

function oneLine(note: string): string {
  return note.replace(/\s+/g, ' ')
}
