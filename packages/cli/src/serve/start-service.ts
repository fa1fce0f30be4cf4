import { join } from 'node:path'
import type { Log } from '@instar/contract'
import { InstarError } from '@instar/contract/errors'
import type { Config } from '../config/settings.ts'
import { freeAddress, startApi } from './start-api.ts'
import { startWorker } from './start-worker.ts'

export interface ServiceOptions {
  readonly config: Config
  readonly dataDir: string
  /** Of a worker: where the appliance is kept, and what lives as long as a running one. */
  readonly paths: { readonly cacheDir: string; readonly runtimeDir: string }
  readonly log: Log
  /** Ends the start; a service that runs is ended by its disposal. */
  readonly signal: AbortSignal
}

export interface RunningService extends AsyncDisposable {
  /** Where the API is served; absent: this process only works. */
  readonly url: string | undefined
  /** The password that was generated, when this was the first start. */
  readonly firstPassword: string | undefined
  /** Rejects when a part of it cannot go on. */
  readonly ended: Promise<void>
}

/** The log files of the processes that share a data folder. */
export function logFolderOf(dataDir: string): string {
  return join(dataDir, 'logs')
}

/** Starts the parts of a role on one store; they end in the reverse order. */
export async function startService({ config, dataDir, paths, log, signal }: ServiceOptions): Promise<RunningService> {
  const role = config.role ?? 'all'
  if (role === 'worker' && config['database.url'] === undefined) {
    throw new InstarError('config.invalid', 'a worker alone needs the database that the API uses, and database.url is not set', {
      hint: 'Set DATABASE_URL to a PostgreSQL that all processes reach (docs/guides/several-workers.md).',
    })
  }
  const address = role === 'worker' ? undefined : await freeAddress(config.listen ?? '')
  await using stack = new AsyncDisposableStack()
  const { openStore } = await import('@instar/store')
  const store = stack.use(
    await openStore({
      url: config['database.url'],
      dataDir,
      pgUser: config['database.pg_user'],
      secretKey: config.secret_key,
      connections: config['database.connections'] ?? 16,
      log,
      signal,
    }),
  )
  const api =
    address === undefined ? undefined : stack.use(await startApi(store, { config, log, address, logFolder: logFolderOf(dataDir) }))
  const worker = role === 'api' ? undefined : stack.use(await startWorker(store, { config, log, paths }))
  const owned = stack.move()
  return {
    url: api?.url,
    firstPassword: api?.generatedPassword,
    ended: worker?.ended ?? new Promise<void>(() => undefined),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
