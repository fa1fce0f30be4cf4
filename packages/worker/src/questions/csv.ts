/** Rows as CSV (RFC 4180): fields with commas, quotes or line ends are quoted. */
export function toCsv(rows: readonly (readonly string[])[]): string {
  return rows.map(row => `${row.map(quote).join(',')}\r\n`).join('')
}

function quote(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
}
