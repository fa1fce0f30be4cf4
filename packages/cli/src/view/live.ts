import type { InstarEvent } from '@instar/contract'
import { formatDuration, printable } from '@instar/phases/text'
import type { Output } from '../context.ts'
import { createRedrawnRows, movingBar, progressBar } from './draw.ts'
import { createOutputTail, type OutputTail } from './output-tail.ts'
import { describeEvent } from './plain.ts'
import type { View } from './view.ts'

const REDRAW_MS = 100
const OUTPUT_LINES = 6
/** What stands above the output at the least: the script itself, and the line before. */
const OTHER_ROWS = 2

/** What has begun and not ended: a step, or a script within it. */
interface Work {
  readonly key: string
  readonly text: string
  readonly since: number
  readonly tail: OutputTail
  /** Absent while nothing was told of its progress; `undefined` where nobody knows how much is left. */
  progress?: { readonly percent: number | undefined; readonly note: string }
}

/**
 * A run on a terminal: what has ended stays as lines, a script with the last of its output; below them, redrawn, what goes on with its time,
 * a progress bar where it takes long, and the last lines of the running script's output.
 */
export function createLiveView(output: Output, now: () => number = Date.now): View {
  const begun = new Map<string, number>()
  const rows = createRedrawnRows()
  let works: Work[] = []
  let before = ''

  const draw = (above: readonly string[] = []) => {
    const work = works.at(-1)
    const height = Math.min(OUTPUT_LINES, Math.max(0, (output.rows ?? Infinity) - OTHER_ROWS))
    const text = rows.draw(work === undefined ? [] : rowsOf(work, now(), height), { columns: output.columns, above })
    if (above.length > 0 || text !== before) output.write(text)
    before = text
  }
  const timer = setInterval(() => draw(), REDRAW_MS)
  timer.unref()

  const end = (event: InstarEvent): string[] => {
    const at = works.findIndex(({ key }) => key === keyOf(event))
    const work = works[at]
    // With a step ends what it held, though its end may not have been told.
    if (at !== -1) works = works.slice(0, at)
    return event.kind === 'script' && work !== undefined ? work.tail.whole(OUTPUT_LINES) : []
  }

  return {
    take: event => {
      const work = works.at(-1)
      if (event.kind === 'output') return work?.tail.take(event.stream ?? 'stdout', event.message ?? '')
      if (event.kind === 'progress') {
        if (work !== undefined) work.progress = { percent: event.percent, note: noteOf(event.message ?? '', work.text) }
        return
      }
      const line = describeEvent(event, begun)
      if (isStart(event)) {
        works.push({ key: keyOf(event), text: printable(event.message ?? event.step ?? ''), since: now(), tail: createOutputTail() })
        return
      }
      const ended = event.kind === 'step' || event.kind === 'script' ? end(event) : []
      if (line !== undefined) draw([...line.split('\n'), ...ended])
    },
    close: () => {
      clearInterval(timer)
      works = []
      draw()
    },
  }
}

function isStart({ kind, state }: InstarEvent): boolean {
  return (kind === 'step' || kind === 'script') && state === 'started'
}

function keyOf({ script_run_id, step }: InstarEvent): string {
  return script_run_id ?? step ?? ''
}

/** What a step says of itself, without its own name. */
function noteOf(message: string, text: string): string {
  const last = message.split(/[\r\n]+/).findLast(line => line.trim() !== '') ?? ''
  return printable(last.startsWith(text) ? last.slice(text.length).replace(/^: /, '') : last).trim()
}

function rowsOf({ text, since, tail, progress }: Work, now: number, height: number): string[] {
  const bar = progress === undefined ? '' : ` ${barOf(progress.percent, now - since)}${progress.note === '' ? '' : ` ${progress.note}`}`
  return [`» ${text} (${formatDuration(now - since)})${bar}`, ...tail.last(height)]
}

function barOf(percent: number | undefined, elapsedMs: number): string {
  return percent === undefined ? movingBar(elapsedMs) : `${progressBar(percent)} ${Math.floor(percent)} %`
}
