import { stripVTControlCharacters } from 'node:util'

/** Text of a guest or script made safe for a terminal: no escape sequences, no control characters but tabs, which become blanks. */
export function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll('\t', '    ')
    .replaceAll(/\p{Cc}/gu, '')
}

/** Splits a stream of pieces into lines; `end` gives the unfinished rest, `rest` only shows it. A line longer than `max` characters is cut into several. */
export function createLineSplitter(max = 2000): { take(text: string): string[]; end(): string[]; rest(): string } {
  let rest = ''
  return {
    take: text => {
      const lines = (rest + text).split(/\r?\n|\r/)
      rest = lines.pop() ?? ''
      while (rest.length > max) {
        lines.push(rest.slice(0, max))
        rest = rest.slice(max)
      }
      return lines
    },
    end: () => {
      const last = rest === '' ? [] : [rest]
      rest = ''
      return last
    },
    rest: () => rest,
  }
}
