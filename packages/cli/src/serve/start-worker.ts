import { hostname } from 'node:os'
import type { Log } from '@instar/contract'
import type { Store } from '@instar/store'
import type { Config } from '../config/settings.ts'
import { limitsOf } from './limits.ts'

export interface RunningWorker extends AsyncDisposable {
  /** Rejects when the worker cannot go on. */
  readonly ended: Promise<void>
}

interface WorkerOptions {
  readonly config: Config
  readonly log: Log
  /** Where the appliance is kept, and what lives as long as a running one. */
  readonly paths: { readonly cacheDir: string; readonly runtimeDir: string }
}

/** Starts to work on what the database holds; disposing stops the running tasks and hands them over. */
export async function startWorker(store: Store, { config, log, paths }: WorkerOptions): Promise<RunningWorker> {
  const { runWorkerRole } = await import('@instar/worker')
  const stop = new AbortController()
  const limits = { ...limitsOf(config), steps: config['worker.steps'] ?? 16 }
  const host = config['worker.name'] ?? hostname()
  const ended = runWorkerRole({ store, log, host, platforms: config['worker.platforms'] ?? [], paths, limits }, stop.signal)
  // Whoever waits for it hears of an error; it must not end the process before.
  ended.catch(() => undefined)
  return {
    ended,
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await ended.catch(() => undefined)
    },
  }
}
