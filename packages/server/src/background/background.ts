import { ENDED_CHANNEL } from '@instar/engine'
import { settlePendingDeployments } from './auto-deploy.ts'
import { fireSchedules, untilNextMinuteMs, type ScheduleDeps } from './fire-schedules.ts'
import { repeat } from './repeat.ts'
import { sendWebhooks, type WebhookSettings } from './webhook.ts'

const DEPLOYMENTS_EVERY_MS = 10_000
const WEBHOOKS_EVERY_MS = 5_000

/** What API processes do beside answering; any number may, each piece of work is done once. Disposing waits for the round at hand. */
export async function startBackground(deps: ScheduleDeps, webhook: WebhookSettings | undefined): Promise<AsyncDisposable> {
  const stop = new AbortController()
  const { signal } = stop
  let woken = new AbortController()
  const listening = await deps.store.listen(ENDED_CHANNEL, () => {
    woken.abort()
    woken = new AbortController()
  })
  const common = { log: deps.log, signal, wake: () => woken.signal }
  const loops = [
    repeat({
      name: 'schedules',
      log: deps.log,
      signal,
      pauseMs: () => untilNextMinuteMs(deps.now()),
      work: () => fireSchedules(deps, signal),
    }),
    repeat({ ...common, name: 'deployments', pauseMs: () => DEPLOYMENTS_EVERY_MS, work: () => settlePendingDeployments(deps, signal) }),
    repeat({ ...common, name: 'webhook', pauseMs: () => WEBHOOKS_EVERY_MS, work: () => sendWebhooks({ ...deps, fetch }, webhook, signal) }),
  ]
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      listening[Symbol.dispose]()
      await Promise.all(loops)
    },
  }
}
