import { isDeepStrictEqual } from 'node:util'
import { CONSOLE_WORD } from './layout.ts'
import { parseFirstBootItem } from './result.ts'
import type { FirstBootEnd, FirstBootItem, FirstBootResult } from './result.ts'

export interface FirstBootReport {
  /** Each attempt once, in the order of run, script and attempt as first seen. */
  readonly results: readonly FirstBootResult[]
  /** The last word on each run. */
  readonly ends: readonly FirstBootEnd[]
  /** Lines that began as a result and could not be read. */
  readonly damaged: number
}

export interface FirstBootReader {
  /** Takes the next piece and gives what it completed; what was told before is not told again. */
  push(piece: Uint8Array | string): FirstBootItem[]
  /** No more comes: all there was. A last line without its end counts. */
  finish(): FirstBootReport
}

/** A result has 4 KiB of output in base64, a name, and up to 4 KiB of command lines; the rest of a longer line is not the runner's. */
const MAX_LINE_CHARS = 64 * 1024
const MAX_ITEMS = 2000
/** How many lines a result may be torn into by messages of the kernel. */
const MAX_PIECES = 16
/** How often the word is looked for in a line: a script's name may hold it too. */
const MAX_STARTS = 8
const START = `${CONSOLE_WORD} {`

// oxlint-disable-next-line no-control-regex -- terminal codes begin with one
const ANSI = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]{0,256}(?:\u0007|\u001b\\)?|[@-Z\\^_])/g
/** The kernel writes a whole line wherever the cursor is: "[   12.345678] usb 1-1: ...", with the caller's id on some. */
const KERNEL_MESSAGE = /\[ *\d{1,9}\.\d{6}\](?:\[ *[TC]\d+\])? .*$/

/**
 * Reads results out of a console's output, a port's or a results.jsonl, as they come: carriage returns, colours, prompts before the word and
 * messages of the kernel in the middle of a line do no harm; the same result on two consoles is one. The machine may say what it likes:
 * what is read is well formed, not true.
 */
export function createFirstBootReader(): FirstBootReader {
  const results = new Map<string, FirstBootResult>()
  const ends = new Map<string, FirstBootEnd>()
  const decoder = new TextDecoder('utf-8')
  let open = ''
  let torn: { text: string; pieces: number } | undefined
  let damaged = 0

  const take = (item: FirstBootItem): FirstBootItem[] => {
    torn = undefined
    const isNew = item.kind === 'end' ? addEnd(ends, item.end) : addResult(results, item.result)
    return isNew ? [item] : []
  }
  const giveUp = (): void => {
    if (torn !== undefined) damaged++
    torn = undefined
  }
  const takeLine = (raw: string): FirstBootItem[] => {
    const line = plainLine(raw)
    const starts = jsonStarts(line)
    if (starts[0] === undefined) return continueTorn(line)
    giveUp()
    for (const json of starts) {
      const item = parseFirstBootItem(json)
      if (item !== undefined) return take(item)
    }
    torn = { text: starts[0].replace(KERNEL_MESSAGE, ''), pieces: 1 }
    return []
  }
  const continueTorn = (line: string): FirstBootItem[] => {
    if (torn === undefined) return []
    const text = torn.text + line
    const item = parseFirstBootItem(text)
    if (item !== undefined) return take(item)
    torn = { text: torn.text + line.replace(KERNEL_MESSAGE, ''), pieces: torn.pieces + 1 }
    if (torn.pieces > MAX_PIECES || text.length > MAX_LINE_CHARS) giveUp()
    return []
  }

  return {
    push(piece) {
      const lines = (open + (typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true }))).split('\n')
      open = (lines.pop() ?? '').slice(0, MAX_LINE_CHARS)
      return lines.flatMap(line => takeLine(line.slice(0, MAX_LINE_CHARS)))
    },
    finish() {
      takeLine(open)
      giveUp()
      open = ''
      return { results: [...results.values()], ends: [...ends.values()], damaged }
    },
  }
}

/** The results in a whole console log, port stream or results.jsonl. */
export function parseFirstBootResults(text: Uint8Array | string): FirstBootReport {
  const reader = createFirstBootReader()
  reader.push(text)
  return reader.finish()
}

function plainLine(line: string): string {
  return line.replaceAll(ANSI, '').replaceAll('\r', '')
}

/** Where the JSON of a result may begin: after each of the words, or at the start of a line that is JSON by itself. */
function jsonStarts(line: string): string[] {
  if (line.startsWith('{"version":')) return [line]
  const starts: string[] = []
  for (let at = line.indexOf(START); at >= 0 && starts.length < MAX_STARTS; at = line.indexOf(START, at + 1)) {
    starts.push(line.slice(at + CONSOLE_WORD.length + 1))
  }
  return starts
}

function addResult(results: Map<string, FirstBootResult>, result: FirstBootResult): boolean {
  const key = `${result.run.run_id} ${result.run.order} ${result.run.attempt}`
  if (results.has(key) || results.size >= MAX_ITEMS) return false
  results.set(key, result)
  return true
}

/** A run that gave up at one boot may be finished at the next: the later word counts. */
function addEnd(ends: Map<string, FirstBootEnd>, end: FirstBootEnd): boolean {
  const before = ends.get(end.run_id)
  if (isDeepStrictEqual(before, end) || (before === undefined && ends.size >= MAX_ITEMS)) return false
  ends.set(end.run_id, end)
  return true
}
