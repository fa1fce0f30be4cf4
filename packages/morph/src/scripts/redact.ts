import type { Secret } from '@instar/contract/scripts'

/** Shorter values would blacken ordinary words. */
const MIN_SECRET_BYTES = 4
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

export function createRedactor(secrets: readonly Secret[]): Redactor {
  const values = secretTexts(secrets)
  if (values.length === 0) return { text: text => text, stream: () => ({ take: piece => piece, end: () => Buffer.alloc(0) }) }
  const pattern = new RegExp(values.map(value => value.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)).join('|'), 'g')
  return {
    text: text => Buffer.from(Buffer.from(text).toString('latin1').replaceAll(pattern, MASK), 'latin1').toString(),
    stream: () => redactStream(values, pattern),
  }
}

/** As written in the file and without line ends behind it, as bytes in latin1, the longest first. */
function secretTexts(secrets: readonly Secret[]): string[] {
  const texts = secrets.flatMap(({ value }) => {
    const text = Buffer.from(value).toString('latin1')
    return [text, text.trimEnd()]
  })
  return [...new Set(texts)].filter(text => text.length >= MIN_SECRET_BYTES).sort((a, b) => b.length - a.length)
}

function redactStream(values: readonly string[], pattern: RegExp): StreamRedactor {
  let held = ''
  return {
    take: piece => {
      const text = held + piece.toString('latin1')
      let keepFrom = text.length - possibleBeginning(text, values)
      let done = ''
      let at = 0
      for (const match of text.matchAll(pattern)) {
        if (match.index >= keepFrom) break
        done += text.slice(at, match.index) + MASK
        at = match.index + match[0].length
        keepFrom = Math.max(keepFrom, at)
      }
      held = text.slice(keepFrom)
      return Buffer.from(done + text.slice(at, keepFrom), 'latin1')
    },
    end: () => {
      const rest = held.replaceAll(pattern, MASK)
      held = ''
      return Buffer.from(rest, 'latin1')
    },
  }
}

/** The length of the longest end of a text with which some value begins without being complete. */
function possibleBeginning(text: string, values: readonly string[]): number {
  for (let length = Math.min(text.length, values[0]!.length - 1); length > 0; length -= 1) {
    const end = text.slice(-length)
    if (values.some(value => value.length > length && value.startsWith(end))) return length
  }
  return 0
}
