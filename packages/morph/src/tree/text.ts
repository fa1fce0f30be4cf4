/**
 * The text of a guest's file as the steps see it: one character for one byte (latin1), so that bytes which are not UTF-8 survive reading,
 * editing and writing. ASCII is itself; an "ü" in UTF-8 is seen as two characters and goes back as the same two bytes.
 */
export function textOf(content: Uint8Array): string {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1')
}

/** The reverse of `textOf`. A character above U+00FF cannot come from a file: it is our own text and becomes UTF-8. */
export function bytesOf(text: string): Buffer {
  return Buffer.from(
    text.replace(/[\u0100-\u{10ffff}]+/gu, own => Buffer.from(own, 'utf8').toString('latin1')),
    'latin1',
  )
}

/** Text of a guest (see `textOf`) as people read it: for names and descriptions that are shown, never for what is written back. */
export function shownText(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8')
}
