import { InstarError } from '../errors.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const ENCODED = 'The parameters env and options are base64 of JSON, and the id of an instance in a path is base64 of its name.'

function badEncoding(message: string, cause?: unknown): InstarError {
  return new InstarError('api.bad-query', message, { hint: ENCODED, ...(cause === undefined ? {} : { cause }) })
}

/**
 * The text in a base64 parameter: both alphabets, with or without padding. Written here because this package has neither Node nor a browser.
 * `what` names the parameter in the error.
 */
export function decodeBase64Text(encoded: string, what: string): string {
  const digits = encoded.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_')
  if (/[^\w-]/.test(digits) || digits.length % 4 === 1) throw badEncoding(`${what} is not base64: "${shorten(encoded)}"`)
  let escaped = ''
  let bits = 0
  let width = 0
  for (const digit of digits) {
    bits = ((bits << 6) | ALPHABET.indexOf(digit)) & 0xff_ff
    width += 6
    if (width >= 8) {
      width -= 8
      escaped += `%${((bits >> width) & 0xff).toString(16).padStart(2, '0')}`
    }
  }
  try {
    // Strict: bytes that are not UTF-8 throw.
    return decodeURIComponent(escaped)
  } catch (cause) {
    throw badEncoding(`${what} is base64 of bytes that are not UTF-8`, cause)
  }
}

/** URL-safe base64 with padding of a text's UTF-8: how the name of an instance stands in a path. */
export function encodeBase64Text(text: string): string {
  const parts = encodeURIComponent(text).match(/%[0-9A-F]{2}|[^%]/g) ?? []
  const bytes = parts.map(part => (part.length === 3 ? Number.parseInt(part.slice(1), 16) : part.codePointAt(0)!))
  let encoded = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const [first = 0, second, third] = bytes.slice(at, at + 3)
    const group = (first << 16) | ((second ?? 0) << 8) | (third ?? 0)
    encoded += ALPHABET[group >> 18]! + ALPHABET[(group >> 12) & 63]!
    encoded += second === undefined ? '=' : ALPHABET[(group >> 6) & 63]!
    encoded += third === undefined ? '=' : ALPHABET[group & 63]!
  }
  return encoded
}

/** The `env` parameter: base64 of a JSON object. Absent means an empty one. */
export function decodeEnvironment(encoded: string | undefined): Record<string, unknown> {
  if (encoded === undefined || encoded === '') return {}
  const value = decodeJson(encoded, 'env')
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw badEncoding('env is not base64 of a JSON object')
  return value as Record<string, unknown>
}

/** The `options` parameter: base64 of a JSON list of names; undefined means all. */
export function decodeOptionNames(encoded: string | undefined): string[] | undefined {
  if (encoded === undefined || encoded === '') return undefined
  const value = decodeJson(encoded, 'options')
  if (value === null) return undefined
  if (!Array.isArray(value) || !value.every(name => typeof name === 'string')) {
    throw badEncoding('options is not base64 of a JSON list of names')
  }
  return value
}

function decodeJson(encoded: string, what: string): unknown {
  const text = decodeBase64Text(encoded, what)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw badEncoding(`${what} is base64 of text that is not JSON: "${shorten(text)}"`, cause)
  }
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
