import { applyRetention, ENDED_CHANNEL, startTimetable, type RetentionPolicy } from '@instar/engine'
import { settlePendingDeployments } from './auto-deploy.ts'
import { scheduleTimetable, type ScheduleDeps } from './fire-schedules.ts'
import { repeat } from './repeat.ts'
import { sendWebhooks, type WebhookSettings } from './webhook.ts'

const DEPLOYMENTS_EVERY_MS = 10_000
const WEBHOOKS_EVERY_MS = 5_000
const RETENTION_EVERY_MS = 3_600_000

export interface BackgroundSettings {
  /** Where failures are sent. */
  readonly webhook?: WebhookSettings | undefined
  /** What is kept of the past; absent: everything. */
  readonly retention?: RetentionPolicy | undefined
}

/** What API processes do beside answering; any number may, each piece of work is done once. Disposing waits for the round at hand. */
export async function startBackground(deps: ScheduleDeps, { webhook, retention = {} }: BackgroundSettings): Promise<AsyncDisposable> {
  const stop = new AbortController()
  const { signal } = stop
  const { log } = deps
  let woken = new AbortController()
  const listening = await deps.store.listen(ENDED_CHANNEL, () => {
    woken.abort()
    woken = new AbortController()
  })
  const timetable = startTimetable(scheduleTimetable(deps, signal))
  const common = { log, signal, wake: () => woken.signal }
  const loops = [
    repeat({ ...common, name: 'deployments', pauseMs: DEPLOYMENTS_EVERY_MS, work: () => settlePendingDeployments(deps, signal) }),
    repeat({ ...common, name: 'webhook', pauseMs: WEBHOOKS_EVERY_MS, work: () => sendWebhooks({ ...deps, fetch }, webhook, signal) }),
    repeat({ log, signal, name: 'retention', pauseMs: RETENTION_EVERY_MS, work: () => applyRetention(deps.store, retention, signal) }),
  ]
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      listening[Symbol.dispose]()
      await timetable[Symbol.asyncDispose]()
      await Promise.all(loops)
    },
  }
}
