import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from '@instar/store'

/** Looks again at least so often, whatever was notified. */
const LOOK_MS = 5_000

/** Wakes one reader when a channel is notified with its payload. What is notified between two waits ends the next one at once. */
export async function subscribe(
  store: Store,
  channel: string,
  payload: string,
): Promise<Disposable & { next(signal: AbortSignal): Promise<void> }> {
  let pending = Promise.withResolvers<void>()
  const subscription = await store.listen(channel, notified => {
    if (notified === undefined || notified === payload) pending.resolve()
  })
  return {
    next: async signal => {
      const done = new AbortController()
      await Promise.race([
        pending.promise,
        sleep(LOOK_MS, undefined, { signal: AbortSignal.any([signal, done.signal]) }).catch(() => undefined),
      ])
      done.abort()
      pending = Promise.withResolvers<void>()
    },
    [Symbol.dispose]: () => subscription[Symbol.dispose](),
  }
}
