import type { InstarEvent } from '@instar/contract'
import { createLineSplitter, formatDuration, printable } from '@instar/phases/text'
import type { Output } from '../context.ts'
import { STREAM_MARKS } from './output-tail.ts'
import type { View } from './view.ts'

/** Plain lines: for logs, pipes and terminals that cannot do more. Output of a script stands behind `|`, its stderr behind `!`. */
export function createPlainView(output: Output): View {
  const begun = new Map<string, number>()
  const streams = { stdout: createLineSplitter(), stderr: createLineSplitter() }
  const flush = () => {
    for (const name of ['stdout', 'stderr'] as const) {
      for (const line of streams[name].end()) output.write(`${STREAM_MARKS[name]}${printable(line)}\n`)
    }
  }
  return {
    take: event => {
      if (event.kind === 'output') {
        const name = event.stream ?? 'stdout'
        for (const line of streams[name].take(event.message ?? '')) output.write(`${STREAM_MARKS[name]}${printable(line)}\n`)
        return
      }
      flush()
      const line = describeEvent(event, begun)
      if (line !== undefined) output.write(`${line}\n`)
    },
    close: flush,
  }
}

/** One line for an event, or `undefined` for those that say nothing new in a log. `begun` remembers when steps began. */
export function describeEvent(event: InstarEvent, begun: Map<string, number>): string | undefined {
  const text = printable(event.message ?? event.step ?? '')
  const key = event.script_run_id ?? event.step ?? ''
  const at = Date.parse(event.at)
  switch (event.kind) {
    case 'step':
    case 'script': {
      const indent = event.kind === 'script' ? '  ' : ''
      if (event.state === 'started') {
        begun.set(key, at)
        return event.kind === 'script' ? `${indent}> ${text}` : undefined
      }
      const since = begun.get(key)
      const took = since === undefined ? '' : ` (${formatDuration(at - since)})`
      return `${indent}${STATE_MARKS[event.state ?? 'succeeded']} ${text}${took}`
    }
    case 'warning':
      return `! ${text}`
    case 'result':
      // A failure is told by the error that ends the command.
      return event.state === 'failed' ? undefined : (event.message ?? '').split('\n').map(printable).join('\n')
    case 'progress':
    case 'output':
      return undefined
  }
}

const STATE_MARKS = { started: '>', succeeded: '✓', failed: '✗', skipped: '–', retrying: '↻' } as const
