import type { Secret } from '@instar/contract/scripts'

/** Shorter values would blacken ordinary words. */
const MIN_SECRET_BYTES = 4
/** The same for a part of a longer one: a user's name, a port, `true` are no secrets. */
const MIN_PART_BYTES = 8
/** A file of more lines is data, which nobody prints line by line by accident: it is masked as a whole. */
const MOST_LINES = 200
const MASK = '***'

/** Takes the values of secrets out of text and of streams, so that what a script prints of them reaches no log, event or message. */
export interface Redactor {
  text(text: string): string
  /** A filter for one stream, whatever the pieces it comes in. It holds back only what may be the beginning of a secret. */
  stream(): StreamRedactor
}

export interface StreamRedactor {
  take(piece: Buffer): Buffer
  /** What is still held back; the stream is at its end. */
  end(): Buffer
}

/** What is masked of these secrets, the longest first. */
export function maskedTexts(secrets: readonly Secret[]): Buffer[] {
  return secretTexts(secrets).map(text => Buffer.from(text, 'latin1'))
}

export function createRedactor(secrets: readonly Secret[]): Redactor {
  const values = secretTexts(secrets)
  if (values.length === 0) return { text: text => text, stream: () => ({ take: piece => piece, end: () => Buffer.alloc(0) }) }
  return {
    text: text => Buffer.from(maskAll(Buffer.from(text).toString('latin1'), values), 'latin1').toString(),
    stream: () => redactStream(values),
  }
}

interface Found {
  readonly from: number
  readonly to: number
}

/** Where values stand, from left to right, the longest of those that begin at one place, none within another. */
function findAll(text: string, values: readonly string[]): Found[] {
  const found: Found[] = []
  for (const value of values) {
    for (let from = text.indexOf(value); from >= 0; from = text.indexOf(value, from + 1)) found.push({ from, to: from + value.length })
  }
  let end = 0
  return found
    .sort((a, b) => a.from - b.from || b.to - a.to)
    .filter(({ from, to }) => {
      if (from < end) return false
      end = to
      return true
    })
}

/** The text, masked, as far as `end` or the end of the last value that begins before it; and what comes after that. */
function maskUpTo(end: number, text: string, values: readonly string[]): { readonly done: string; readonly rest: string } {
  let done = ''
  let at = 0
  for (const { from, to } of findAll(text, values)) {
    if (from >= end) break
    done += text.slice(at, from) + MASK
    at = to
  }
  const stop = Math.max(at, end)
  return { done: done + text.slice(at, stop), rest: text.slice(stop) }
}

function maskAll(text: string, values: readonly string[]): string {
  return maskUpTo(text.length, text, values).done
}

/**
 * The values without line ends behind them, as bytes in latin1, the longest first; of a file of several lines also each line, and what stands
 * behind `NAME=` or `name:` in it, for that is what a script that reads the file has in its hands.
 */
function secretTexts(secrets: readonly Secret[]): string[] {
  const texts = secrets.flatMap(({ value }) => {
    const whole = Buffer.from(value).toString('latin1').trimEnd()
    const lines = whole.split(/[\r\n]+/).map(line => line.trim())
    const parts = lines.length === 1 || lines.length > MOST_LINES ? [] : lines.flatMap(line => [line, settingOf(line)])
    return [whole, ...parts.filter(part => part.length >= MIN_PART_BYTES)]
  })
  return [...new Set(texts)].filter(text => text.length >= MIN_SECRET_BYTES).sort((a, b) => b.length - a.length)
}

function settingOf(line: string): string {
  const value = /^(?:export\s+)?[\w.-]+\s*[=:]\s*(.*)$/.exec(line)?.[1] ?? ''
  return /^(["'])(.*)\1$/.exec(value)?.[2] ?? value
}

function redactStream(values: readonly string[]): StreamRedactor {
  let held = ''
  return {
    take: piece => {
      const text = held + piece.toString('latin1')
      const { done, rest } = maskUpTo(text.length - possibleBeginning(text, values), text, values)
      held = rest
      return Buffer.from(done, 'latin1')
    },
    end: () => {
      const rest = maskAll(held, values)
      held = ''
      return Buffer.from(rest, 'latin1')
    },
  }
}

/** The length of the longest end of a text with which some value begins without being complete. */
function possibleBeginning(text: string, values: readonly string[]): number {
  let longest = 0
  for (const value of values) {
    for (let length = Math.min(text.length, value.length - 1); length > longest; length -= 1) {
      if (value.startsWith(text.slice(-length))) longest = length
    }
  }
  return longest
}
