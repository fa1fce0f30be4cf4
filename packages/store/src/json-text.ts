/**
 * JSON that PostgreSQL takes as jsonb whatever guests and scripts wrote into its strings: jsonb has no NUL and no half of a surrogate pair; both become
 * the replacement character.
 */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === 'string' ? storableText(each) : each))
}

/** The same for a column of text. */
export function storableText(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed()
}
