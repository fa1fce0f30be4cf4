/** One thing that happened in a run: the shape of `InstarEvent` in the contract, which a test holds it to. */
export interface RefreshEvent {
  readonly version: 1
  readonly seq: number
  readonly at: string
  readonly run_id: string
  readonly kind: 'step' | 'script' | 'output' | 'warning' | 'result'
  readonly step?: string
  readonly state?: 'started' | 'succeeded' | 'failed' | 'skipped' | 'retrying'
  readonly message?: string
  readonly script_run_id?: string
  readonly stream?: 'stdout' | 'stderr'
}

export type EventBody = Omit<RefreshEvent, 'version' | 'seq' | 'at' | 'run_id'>
export type Emit = (event: EventBody) => void

/**
 * Numbers and dates the events of a run, and shows them a moment later: what the user sees is drawn while the next script runs, not before it
 * starts. `flush` shows what is waiting.
 */
export function createEmit(runId: string, now: () => Date, take: (event: RefreshEvent) => void): { emit: Emit; flush: () => void } {
  let seq = 0
  let waiting: RefreshEvent[] = []
  const flush = () => {
    const events = waiting
    waiting = []
    for (const event of events) take(event)
  }
  const emit = (body: EventBody) => {
    seq += 1
    if (waiting.length === 0) setImmediate(flush)
    waiting.push({ version: 1, seq, at: now().toISOString(), run_id: runId, ...body })
  }
  return { emit, flush }
}
