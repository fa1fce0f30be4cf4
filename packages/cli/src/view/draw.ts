const BAR_CELLS = 20
/** How wide the part of a bar is that moves where nobody knows how much is left, and how long it stands still. */
const MOVING_CELLS = 5
const MOVE_MS = 100

/** `[█████     ]`, as wide whatever the percentage. */
export function progressBar(percent: number): string {
  const full = Math.max(0, Math.min(BAR_CELLS, Math.round((percent / 100) * BAR_CELLS)))
  return `[${'█'.repeat(full)}${' '.repeat(BAR_CELLS - full)}]`
}

/** `[   ███    ]`, going to and fro: for work whose end is not known. */
export function movingBar(elapsedMs: number): string {
  const way = BAR_CELLS - MOVING_CELLS
  const at = Math.floor(elapsedMs / MOVE_MS) % (2 * way)
  const left = at < way ? at : 2 * way - at
  return `[${' '.repeat(left)}${'█'.repeat(MOVING_CELLS)}${' '.repeat(way - left)}]`
}

/** A row that does not reach the last column, where terminals would break it. */
export function clip(row: string, columns: number): string {
  if (columnsOf(row) < columns) return row
  let text = ''
  let width = 0
  for (const letter of row) {
    width += columnsOf(letter)
    if (width > Math.max(1, columns - 2)) break
    text += letter
  }
  return `${text}…`
}

/** What terminals show two columns wide: the scripts of East Asia, full-width forms, emoji. */
const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation}|[\u{20000}-\u{3FFFD}]/u
/** What stands on or beside the letter before it. */
const NO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u
const IS_PLAIN = /^[\u0020-\u02FF\u2500-\u25FF]*$/

/** How many columns a row of printable text takes on a terminal. */
export function columnsOf(row: string): number {
  if (IS_PLAIN.test(row)) return row.length
  return Array.from(row).reduce((sum, letter) => sum + (NO_WIDTH.test(letter) ? 0 : WIDE.test(letter) ? 2 : 1), 0)
}

/** A line in the colour of its mark. */
export function paint(line: string): string {
  const color = { '✓': 32, '✗': 31, '!': 33, '↻': 33 }[line.trimStart()[0] ?? '']
  return color === undefined ? line : `\u001B[${color}m${line}\u001B[0m`
}

/** Rows that are drawn over those of the last time, at the lower end of what a terminal shows. */
export interface RedrawnRows {
  /** What must be written so that `rows` stand where the last ones stood, below `above`, lines that stay. */
  draw(rows: readonly string[], place: { readonly columns: number; readonly above?: readonly string[] }): string
}

/** Keeps what is drawn now. */
export function createRedrawnRows(): RedrawnRows {
  let drawn: readonly string[] = []
  return {
    draw: (rows, { columns, above = [] }) => {
      const shown = rows.map(row => clip(row, columns))
      // A terminal that was made narrower has broken the rows.
      const height = drawn.reduce((sum, row) => sum + Math.max(1, Math.ceil(columnsOf(row) / columns)), 0)
      // What was typed meanwhile (^C) has moved the cursor.
      const up = height === 0 ? '' : `\r\u001B[${height}A`
      drawn = shown
      // Each line is cleared behind its text, and not all at first: that would flicker, and at the top of the screen some terminals keep
      // what is cleared for scrolling back.
      return `${up}${[...above, ...shown].map(line => `${paint(line)}\u001B[K\n`).join('')}${height === 0 ? '' : '\u001B[J'}`
    },
  }
}
