import { createLineSplitter, formatDuration, printable } from '../../text/index.ts'
import type { RefreshEvent } from '../run/events.ts'

/** Shows a run as its events come. */
export type Show = (event: RefreshEvent) => void

/** One event a line, for programs. */
export function jsonView(write: (text: string) => void): Show {
  return event => write(`${JSON.stringify(event)}\n`)
}

interface Running {
  readonly name: string
  readonly since: number
  readonly stdout: ReturnType<typeof createLineSplitter>
  readonly stderr: ReturnType<typeof createLineSplitter>
}

const MARKS = { started: '>', succeeded: '✓', failed: '✗', skipped: '–', retrying: '↻' } as const

/**
 * Lines for people and logs: one for each script that ends, what it prints below it as it comes, behind `|` or, stderr, `!`. Where several run at
 * the same time (`namesOutput`) each line of output has the name of its script.
 */
export function plainView(write: (text: string) => void, namesOutput: boolean): Show {
  const running = new Map<string, Running>()
  const line = (script: Running, mark: string, text: string) =>
    write(`    ${namesOutput ? `${script.name} ` : ''}${mark} ${printable(text)}\n`)
  const begin = (event: RefreshEvent) => {
    const splitters = { stdout: createLineSplitter(), stderr: createLineSplitter() }
    running.set(event.script_run_id ?? '', { name: event.step ?? '', since: Date.parse(event.at), ...splitters })
  }
  const end = (event: RefreshEvent) => {
    const script = running.get(event.script_run_id ?? '')
    running.delete(event.script_run_id ?? '')
    for (const text of script?.stdout.end() ?? []) line(script!, '|', text)
    for (const text of script?.stderr.end() ?? []) line(script!, '!', text)
    const took = script === undefined ? '' : ` (${formatDuration(Date.parse(event.at) - script.since)})`
    write(`  ${MARKS[event.state ?? 'succeeded']} ${printable(event.message ?? '')}${took}\n`)
  }
  return event => {
    switch (event.kind) {
      case 'step':
        if (event.state === 'started') write(`${event.step}\n`)
        return
      case 'script':
        return event.state === 'started' ? begin(event) : end(event)
      case 'output': {
        const script = running.get(event.script_run_id ?? '')
        if (script === undefined) return
        const stream = event.stream ?? 'stdout'
        for (const text of script[stream].take(event.message ?? '')) line(script, stream === 'stdout' ? '|' : '!', text)
        return
      }
      case 'warning':
        return write(`! ${printable(event.message ?? '')}\n`)
      case 'result':
        // A failure is told by the error that ends the program.
        if (event.state !== 'failed') write(`${printable(event.message ?? '')}\n`)
    }
  }
}
