import type { InstarEvent } from '@instar/contract'
import { createLineSplitter, formatDuration, printable } from '@instar/phases/text'
import type { Output } from '../context.ts'
import { clip, paint, progressBar } from './draw.ts'
import { describeEvent } from './plain.ts'
import type { View } from './view.ts'

const REDRAW_MS = 100
const OUTPUT_LINES = 6

/**
 * A run on a terminal: what is done stays as lines; below them, redrawn, the step that runs with its time, a progress bar where one is
 * known, and the last lines of the running script's output.
 */
export function createLiveView(output: Output, now: () => number = Date.now): View {
  const begun = new Map<string, number>()
  const live = { step: '', since: 0, percent: undefined as number | undefined, note: '', lines: [] as string[] }
  const splitter = createLineSplitter(500)
  let drawn = 0

  const erase = () => (drawn === 0 ? '' : `\u001B[${drawn}A\u001B[J`)
  const draw = (above = '') => {
    const rows = live.step === '' ? [] : rowsOf(live, now()).map(row => clip(row, output.columns))
    output.write(`${erase()}${above}${rows.map(row => `${row}\n`).join('')}`)
    drawn = rows.length
  }
  const timer = setInterval(() => draw(), REDRAW_MS)
  timer.unref()

  return {
    take: event => {
      if (event.kind === 'output') {
        live.lines = [...live.lines, ...splitter.take(event.message ?? '').map(printable)].slice(-OUTPUT_LINES)
        return
      }
      if (event.kind === 'progress') {
        live.percent = event.percent
        live.note = printable(event.message ?? '')
        return
      }
      follow(live, event, now())
      const line = describeEvent(event, begun)
      if (line !== undefined) draw(`${paint(line)}\n`)
    },
    close: () => {
      clearInterval(timer)
      output.write(erase())
      drawn = 0
    },
  }
}

interface LiveState {
  step: string
  since: number
  percent: number | undefined
  note: string
  lines: string[]
}

function follow(live: LiveState, event: InstarEvent, now: number): void {
  if (event.kind !== 'step' && event.kind !== 'script') return
  Object.assign(live, { percent: undefined, note: '', lines: [] })
  live.step = event.state === 'started' ? printable(event.message ?? event.step ?? '') : ''
  live.since = now
}

function rowsOf(live: LiveState, now: number): string[] {
  const bar = live.percent === undefined ? '' : ` ${progressBar(live.percent)} ${Math.floor(live.percent)} %`
  const note = live.note === '' ? '' : ` ${live.note}`
  return [`» ${live.step} (${formatDuration(now - live.since)})${bar}${note}`, ...live.lines.map(line => `    ${line}`)]
}
