import type { InstarEvent } from '@instar/contract'
import type { Api } from '../service/api.ts'
import { isTransient } from '../service/refusal.ts'
import { News } from './news.ts'

/** Something of the service that goes on until it is final. */
export interface Going<T> {
  readonly read: () => Promise<T>
  readonly isFinal: (now: T) => boolean
  /** Path of its events below Instar's own API, once it is known. */
  readonly events: (now: T) => string | undefined
  /** Shows a look at it, the last one too. */
  readonly show: (now: T) => void | Promise<void>
  /** Tells a line of the service, not of the thing. */
  readonly say: (line: string) => void
  readonly onEvent?: (event: InstarEvent) => void
}

/** A service that starts again is waited for so long. */
const AWAY_MS = 120_000

/** Looks at it whenever there is news of it, until it is final: the look is the truth, events tell when to look. */
export async function untilFinal<T>(api: Api, going: Going<T>, signal: AbortSignal): Promise<T> {
  const news = new News(api, { signal, onEvent: going.onEvent ?? (() => undefined) })
  let awaySince: number | undefined
  for (;;) {
    const began = performance.now()
    let readMs = 0
    let events: string | undefined
    try {
      const now = await going.read()
      readMs = performance.now() - began
      await going.show(now)
      if (awaySince !== undefined) going.say('! the service is back')
      awaySince = undefined
      if (going.isFinal(now)) return now
      events = going.events(now)
    } catch (error) {
      if (!isTransient(error) || signal.aborted || began - (awaySince ?? began) > AWAY_MS) throw error
      if (awaySince === undefined) going.say(`! the service is away; it is waited for up to ${AWAY_MS / 1000} s`)
      awaySince ??= began
    }
    await news.next(events, readMs)
  }
}
