import { InstarError } from '../errors.ts'

/** One `key=value` of a flag. `value` is '' in `key=`. */
export interface KeyValue {
  readonly key: string
  readonly value: string
}

/**
 * Splits `a=b,c=d` into its pairs. `\,` `\=` and `\\` stand for the characters themselves; another backslash is kept as it is, so that
 * Windows paths survive. Each part holds exactly one `=`, the rule of Coriolis' client (reference/phases.md).
 */
export function splitKeyValues(argument: string, flag: string): KeyValue[] {
  return splitUnescaped(argument, ',').map(part => {
    const pieces = splitUnescaped(part, '=')
    if (pieces.length === 1) throw badFlag(flag, argument, `"${part}" has no "="`)
    if (pieces.length > 2)
      throw badFlag(flag, argument, `"${part}" has more than one "="; write \\= for one that belongs to a name or path`)
    const [key = '', value = ''] = pieces.map(unescape)
    if (key.trim() === '') throw badFlag(flag, argument, `nothing stands before the "=" in "${part}"`)
    return { key: key.trim(), value }
  })
}

/** The pairs as a map; a key that is given twice is refused, where upstream silently takes the last. */
export function uniqueKeyValues(argument: string, flag: string): Map<string, string> {
  const pairs = new Map<string, string>()
  for (const { key, value } of splitKeyValues(argument, flag)) {
    if (pairs.has(key)) throw badFlag(flag, argument, `"${key}" is given twice`)
    pairs.set(key, value)
  }
  return pairs
}

export function badFlag(flag: string, argument: string, what: string): InstarError {
  return new InstarError('usage.bad-script-flag', `${flag} "${argument}": ${what}`)
}

function splitUnescaped(text: string, separator: ',' | '='): string[] {
  const parts: string[] = []
  let part = ''
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]!
    const next = text[at + 1]
    if (char === '\\' && (next === ',' || next === '=' || next === '\\')) {
      part += char + next
      at += 1
    } else if (char === separator) {
      parts.push(part)
      part = ''
    } else {
      part += char
    }
  }
  return [...parts, part]
}

function unescape(text: string): string {
  return text.replaceAll(/\\([,=\\])/g, '$1')
}
