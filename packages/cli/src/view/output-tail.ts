import { createLineSplitter, printable } from '@instar/phases/text'

export type Stream = 'stdout' | 'stderr'

/** Behind which mark each stream of a script is shown. */
export const STREAM_MARKS: Readonly<Record<Stream, string>> = { stdout: '    | ', stderr: '    ! ' }

const MAX_LINE = 500
/** Lines that are kept: as many as anyone asks for. */
const KEPT_LINES = 20

/** The last lines of what a script prints, for a terminal; all of it is in its files. */
export interface OutputTail {
  take(stream: Stream, text: string): void
  /** The last lines, at most so many, an unfinished one among them. */
  last(count: number): string[]
  /** The last lines once it has ended, below a line that tells how many there were before. */
  whole(count: number): string[]
}

export function createOutputTail(): OutputTail {
  const splitters = { stdout: createLineSplitter(MAX_LINE), stderr: createLineSplitter(MAX_LINE) }
  let lines: string[] = []
  let count = 0
  const unfinished = () =>
    (['stdout', 'stderr'] as const).flatMap(stream => {
      const rest = splitters[stream].rest()
      return rest === '' ? [] : [`${STREAM_MARKS[stream]}${printable(rest)}`]
    })
  const last = (wanted: number) => (wanted === 0 ? [] : [...lines, ...unfinished()].slice(-wanted))
  return {
    take: (stream, text) => {
      const own = splitters[stream].take(text)
      count += own.length
      lines = [...lines, ...own.slice(-KEPT_LINES).map(line => `${STREAM_MARKS[stream]}${printable(line)}`)].slice(-KEPT_LINES)
    },
    last,
    whole: wanted => {
      const shown = last(wanted)
      const before = count + unfinished().length - shown.length
      return before === 0 ? shown : [`    … ${before} lines before these`, ...shown]
    },
  }
}
