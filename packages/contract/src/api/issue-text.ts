import type * as z from 'zod/mini'

type Issue = z.core.$ZodIssue

interface Telling {
  /** What an issue of the value as a whole is said of. */
  readonly whole: string
  /** The values may be secret: only their kinds are told. */
  readonly hidesValues?: boolean
}

/** One sentence about what a schema found in `root`: where, what is there, what may be. */
export function issueText(issue: Issue, root: unknown, { whole, hidesValues = false }: Telling): string {
  const path = issue.path.map(String).join('.')
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], root)
  if (value === undefined && issue.path.length > 0) return `the key "${path}" is missing`
  return `${path === '' ? whole : `"${path}"`} ${problemOf(issue, value, hidesValues ? undefined : JSON.stringify(value))}`
}

/** What is too small or too big of a list and of a text is their length. */
const TOO_SMALL: Readonly<Record<string, string>> = { array: 'has fewer entries than', string: 'has fewer characters than' }
const TOO_BIG: Readonly<Record<string, string>> = { array: 'has more entries than', string: 'has more characters than' }

function problemOf(issue: Issue, value: unknown, shown: string | undefined): string {
  switch (issue.code) {
    case 'invalid_type':
      return `is ${nameOf(value)}, not ${issue.expected}`
    case 'invalid_value':
      return noneOf(issue.values, shown)
    case 'unrecognized_keys':
      return `has unknown keys: ${issue.keys.join(', ')}`
    case 'too_small':
      return issue.message === 'Invalid input' ? `${TOO_SMALL[issue.origin] ?? 'is less than'} ${issue.minimum}` : issue.message
    case 'too_big':
      return `${TOO_BIG[issue.origin] ?? 'is more than'} ${issue.maximum}`
    case 'invalid_union': {
      const values = issue.errors.flat().flatMap(inner => (inner.code === 'invalid_value' ? inner.values : []))
      return typeof value === 'string' && values.length > 0 ? noneOf(values, shown) : `is ${nameOf(value)} that fits none of its forms`
    }
    case 'custom':
    case 'invalid_element':
    case 'invalid_format':
    case 'invalid_key':
    case 'not_multiple_of':
      return issue.message === 'Invalid input' ? 'is not valid' : issue.message
  }
}

function noneOf(values: readonly unknown[], shown: string | undefined): string {
  const known = values
    .filter(value => value !== '' && value !== null)
    .map(String)
    .join(', ')
  return shown === undefined ? `is none of ${known}` : `is ${shown}; there are ${known}`
}

function nameOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`
}
