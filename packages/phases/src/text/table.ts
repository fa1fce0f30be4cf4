import { printable } from './printable.ts'

/** Rows as columns of text, the first row as head; the last column is not padded. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const clean = rows.map(row => row.map(printable))
  const widths = (clean[0] ?? []).map((_, column) => Math.max(...clean.map(row => row[column]?.length ?? 0)))
  return clean
    .map(
      row =>
        row
          .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!)))
          .join('  ')
          .trimEnd() + '\n',
    )
    .join('')
}
