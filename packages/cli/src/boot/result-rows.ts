import type { FirstBootResult } from '@instar/phases'
import { formatDuration, printable } from '@instar/phases/text'

/** A first-boot result as a row: script, attempt, end, time, first line of output, or why there is none. */
export function rowOfResult({ run, output, notes }: FirstBootResult): string[] {
  const took = run.ended_at === null ? '' : formatDuration(Date.parse(run.ended_at) - Date.parse(run.started_at))
  return [run.name, String(run.attempt), endOfResult(run), took, firstLines(output, 1) || notes.map(printable).join('; ')]
}

export function endOfResult(run: FirstBootResult['run']): string {
  if (run.interrupted) return 'interrupted'
  if (run.timed_out) return 'time limit'
  return run.signal ?? `exit ${run.exit_code}`
}

/** The first lines of some output that say anything, safe for a terminal. */
export function firstLines(output: Buffer, count: number): string {
  return output
    .toString('utf8')
    .split('\n')
    .filter(line => line.trim() !== '')
    .slice(0, count)
    .map(printable)
    .join('\n')
}
