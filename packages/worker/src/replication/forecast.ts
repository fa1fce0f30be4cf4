/** How far work is and when it will be done, from the rate of the last while. */
export interface Forecast {
  readonly doneBytes: number
  readonly totalBytes: number
  /** Bytes a second; `undefined` until something has been seen of it. */
  readonly rate?: number
  readonly leftMs?: number
}

/** Longer, and a rate that has changed is told too late; shorter, and it jumps. */
const WINDOW_MS = 20_000
const MIN_SPAN_MS = 500

/** Makes forecasts of what is told to it; `nowMs` is of a clock that only goes forward. */
export function createForecaster(): (done: { doneBytes: number; totalBytes: number }, nowMs: number) => Forecast {
  let seen: { atMs: number; doneBytes: number }[] = []
  return ({ doneBytes, totalBytes }, nowMs) => {
    seen = [...seen.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS), { atMs: nowMs, doneBytes }]
    const first = seen[0]!
    const [spanMs, moved] = [nowMs - first.atMs, doneBytes - first.doneBytes]
    if (spanMs < MIN_SPAN_MS || moved <= 0) return { doneBytes, totalBytes }
    const rate = (moved / spanMs) * 1000
    return { doneBytes, totalBytes, rate, leftMs: Math.round(((totalBytes - doneBytes) / rate) * 1000) }
  }
}
