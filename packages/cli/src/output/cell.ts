import { printable } from '@instar/phases/text'

/** A value as text for people: lists side by side, objects as JSON, nothing for null. Line ends are kept, control characters are not. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value.split('\n').map(printable).join('\n')
  if (Array.isArray(value)) return value.map(cellText).join(', ')
  return printable(JSON.stringify(value))
}

/** A value for a program that reads columns: text bare, the rest as JSON, no line ends. */
export function cellValue(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}
