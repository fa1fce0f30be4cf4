const BAR_CELLS = 30

/** `[█████     ]`, as wide whatever the percentage. */
export function progressBar(percent: number): string {
  const full = Math.max(0, Math.min(BAR_CELLS, Math.round((percent / 100) * BAR_CELLS)))
  return `[${'█'.repeat(full)}${' '.repeat(BAR_CELLS - full)}]`
}

/** A row that does not reach the last column, where terminals would break it. */
export function clip(row: string, columns: number): string {
  return row.length < columns ? row : `${row.slice(0, Math.max(1, columns - 2))}…`
}

/** A line in the colour of its mark. */
export function paint(line: string): string {
  const color = { '✓': 32, '✗': 31, '!': 33, '↻': 33 }[line.trimStart()[0] ?? '']
  return color === undefined ? line : `\u001B[${color}m${line}\u001B[0m`
}
