import { once } from 'node:events'
import { createServer as createNetServer } from 'node:net'
import { InstarError, type Log } from '@instar/contract'
import type { RunningApi } from '@instar/server'
import type { Store } from '@instar/store'
import type { Config } from '../config/settings.ts'

export interface ServiceOptions {
  readonly config: Config
  readonly dataDir: string
  readonly log: Log
  /** Ends the start; a service that runs is ended by its disposal. */
  readonly signal: AbortSignal
}

export interface RunningService extends AsyncDisposable {
  /** Where the API is served; absent: this process only works. */
  readonly url: string | undefined
  /** The password that was generated, when this was the first start. */
  readonly firstPassword: string | undefined
  /** Settles when a part of it cannot go on. */
  readonly ended: Promise<never>
}

/** Starts the parts of a role on one store; they end in the reverse order. */
export async function startService({ config, dataDir, log, signal }: ServiceOptions): Promise<RunningService> {
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
  const api = address === undefined ? undefined : stack.use(await startApi(store, { config, log, address }))
  const owned = stack.move()
  return {
    url: api?.url,
    firstPassword: api?.generatedPassword,
    ended: new Promise<never>(() => undefined),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

interface Address {
  readonly host: string
  readonly port: number
}

/** The address to listen at, tried before the database is started: a mistake shows in a moment. */
async function freeAddress(listen: string): Promise<Address> {
  const [, host = '127.0.0.1', port = '7667'] = /^\[?(.*?)\]?:(\d+)$/.exec(listen) ?? []
  const address = { host, port: Number(port) }
  const probe = createNetServer().listen(address)
  try {
    await once(probe, 'listening')
  } catch (error) {
    throw cannotListen(address, error)
  }
  probe.close()
  await once(probe, 'close')
  return address
}

function cannotListen({ host, port }: Address, cause: unknown): InstarError {
  return new InstarError('serve.cannot-listen', `cannot listen at ${host}:${port}`, { cause })
}

async function startApi(store: Store, { config, log, address }: { config: Config; log: Log; address: Address }): Promise<RunningApi> {
  const { serveApi } = await import('@instar/server')
  try {
    return await serveApi({
      store,
      log,
      address,
      adminPassword: config.admin_password,
      settings: { publicUrl: config.public_url, tokenLifetimeMs: 1000 * (config['identity.token_lifetime_s'] ?? 3600) },
    })
  } catch (error) {
    if ((error as { syscall?: unknown }).syscall === 'listen') throw cannotListen(address, error)
    throw error
  }
}
