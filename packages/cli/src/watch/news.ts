import { setTimeout as sleep } from 'node:timers/promises'
import type { InstarEvent } from '@instar/contract'
import type { Api } from '../service/api.ts'
import { openEvents } from './event-stream.ts'

/** Without a stream of events it is looked at so often. */
const POLL_MS = 1_000
/** With one, should an event be lost. */
const LOOK_MS = 30_000
/** Before a stream that broke off is opened again. */
const AGAIN_MS = 500
/** Many events in a moment are one piece of news. */
const CALM_MS = 50
/** A run of a thousand machines takes long to read, and is read so much less often. */
const CALM_FACTOR = 3

/** When to look at something again: as soon as its events say that something is new, and now and then where there are no events. */
export class News {
  readonly #api: Api
  readonly #signal: AbortSignal
  readonly #onEvent: (event: InstarEvent) => void
  #isFollowing = false
  #isLive = false
  #last = 0
  #rung = Promise.withResolvers<void>()

  /** `onEvent` is told of every event once; `signal` ends the stream. */
  constructor(api: Api, { signal, onEvent }: { signal: AbortSignal; onEvent: (event: InstarEvent) => void }) {
    this.#api = api
    this.#signal = signal
    this.#onEvent = onEvent
  }

  /** Waits until there is something new. `events`: the path of its events, once it is known; `readMs`: how long a look takes. */
  async next(events: string | undefined, readMs: number): Promise<void> {
    if (events !== undefined && !this.#isFollowing) {
      this.#isFollowing = true
      void this.#follow(events)
    }
    await sleep(Math.max(CALM_MS, CALM_FACTOR * readMs), undefined, { signal: this.#signal })
    const waited = new AbortController()
    const limit = AbortSignal.any([this.#signal, waited.signal])
    await Promise.race([this.#rung.promise, sleep(this.#isLive ? LOOK_MS : POLL_MS, undefined, { signal: limit }).catch(() => undefined)])
    waited.abort()
    this.#signal.throwIfAborted()
    this.#rung = Promise.withResolvers<void>()
  }

  /** Never throws: whoever looks at it hears what is wrong with the service. */
  async #follow(path: string): Promise<void> {
    while (!this.#signal.aborted) {
      const isThere = await this.#read(path).catch(() => true)
      this.#isLive = false
      this.#rung.resolve()
      if (!isThere) return
      await sleep(AGAIN_MS, undefined, { signal: this.#signal }).catch(() => undefined)
    }
  }

  /** Tells events until the stream ends; answers whether the service has one. */
  async #read(path: string): Promise<boolean> {
    const events = await openEvents(this.#api, { path, after: this.#last, signal: this.#signal })
    if (events === undefined) return false
    this.#isLive = true
    for await (const event of events) {
      if (event.seq <= this.#last) continue
      this.#last = event.seq
      this.#onEvent(event)
      // A bar is drawn from the event itself.
      if (event.kind !== 'progress' || event.percent === undefined) this.#rung.resolve()
    }
    return true
  }
}
