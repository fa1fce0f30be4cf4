import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '@instar/contract'

interface Repeated {
  /** Names the work in the log. */
  readonly name: string
  readonly log: Log
  readonly signal: AbortSignal
  /** Between two rounds. */
  readonly pauseMs: number
  /** Ends a wait early: aborted when there is work. */
  readonly wake?: () => AbortSignal
  readonly work: () => Promise<unknown>
}

/** Does something again and again until `signal` aborts; a round that fails is logged, and the next one comes. */
export async function repeat({ name, log, signal, pauseMs, wake, work }: Repeated): Promise<void> {
  while (!signal.aborted) {
    const woken = wake?.()
    try {
      await work()
    } catch (error) {
      if (!signal.aborted) log.error({ error, work: name }, 'background work failed; it is tried again')
    }
    const until = woken === undefined ? signal : AbortSignal.any([signal, woken])
    await sleep(pauseMs, undefined, { signal: until, ref: false }).catch(() => undefined)
  }
}
