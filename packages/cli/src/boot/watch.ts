import { createFirstBootReader, type FirstBootReport } from '@instar/phases'

/** A guest that shows its log-in prompt and tells nothing of first-boot scripts for so long has none. */
const QUIET_AFTER_LOGIN_MS = 30_000

/** What a boot is watched for: the end of the first-boot scripts, or a text on the console, or a log-in prompt after which nothing comes. */
export interface BootWatch {
  /** Aborted when a log-in prompt was all there was. */
  readonly quiet: AbortSignal
  take(stream: 'console' | 'port', piece: string): void
  until(seen: { readonly console: string }): 'first-boot' | 'text' | undefined
  report(): FirstBootReport
}

export function createBootWatch(text: string | undefined): BootWatch {
  // A reader each: the streams carry the same results, and pieces of one must not fall into lines of the other.
  const readers = { console: createFirstBootReader(), port: createFirstBootReader() }
  const quiet = new AbortController()
  let hasEnded = false
  let hasSpoken = false
  let timer: NodeJS.Timeout | undefined
  return {
    quiet: quiet.signal,
    take: (stream, piece) => {
      for (const item of readers[stream].push(piece)) {
        hasSpoken = true
        if (item.kind === 'end') hasEnded = true
      }
    },
    until: seen => {
      if (text !== undefined) return seen.console.includes(text) ? 'text' : undefined
      if (hasEnded) return 'first-boot'
      if (!hasSpoken && timer === undefined && /login: ?$/m.test(seen.console)) {
        timer = setTimeout(() => hasSpoken || quiet.abort(), QUIET_AFTER_LOGIN_MS)
        timer.unref()
      }
      return undefined
    },
    report: () => {
      clearTimeout(timer)
      return mergeReports(readers.port.finish(), readers.console.finish())
    },
  }
}

/** Each result and end once; of two streams the port is not disturbed by kernel messages. */
function mergeReports(port: FirstBootReport, console: FirstBootReport): FirstBootReport {
  const results = new Map([...console.results, ...port.results].map(result => [result.run.id, result]))
  const ends = new Map([...console.ends, ...port.ends].map(end => [end.run_id, end]))
  const order = [...results.values()].sort((a, b) => a.run.order - b.run.order || a.run.attempt - b.run.attempt)
  return { results: order, ends: [...ends.values()], damaged: Math.min(port.damaged, console.damaged) }
}
