import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTestServer, type Session, type TestServer, type TestServerOptions } from '@instar/server/testing'
import { runWorkerRole } from '@instar/worker'

/** The whole service in one process: API, engine, and a worker with the simulator. */
export interface Service extends AsyncDisposable {
  readonly server: TestServer
  readonly admin: Session
  /** Where its worker and its simulated platforms keep what they need. */
  readonly folder: string
  /** A request to the v1 API in the project of the session (admin's when none is given); the path begins after the project. */
  ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, options?: AskOptions): ReturnType<TestServer['request']>
  /** As `ask`, for an answer that must be 200: its JSON. */
  json<T>(method: 'GET' | 'POST' | 'PUT', path: string, options?: AskOptions): Promise<T>
  /** Asks again until the answer fits; fails after a time limit with the last answer. */
  until<T>(path: string, fits: (answer: T) => boolean): Promise<T>
  /** Two endpoints on simulated platforms of their own, and a transfer of their first machine. */
  makeTransfer(more?: object): Promise<{ origin: string; destination: string; transfer: string }>
}

interface AskOptions {
  readonly body?: unknown
  readonly session?: Session
  readonly headers?: Record<string, string>
}

interface ServiceOptions extends TestServerOptions {
  /** What the worker offers; default the simulator. */
  readonly platforms?: readonly string[]
  /** How long `until` waits; default a minute. */
  readonly limitMs?: number
}

const LIMIT_MS = 60_000

export async function startService(options: ServiceOptions = {}): Promise<Service> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'instar-api-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const server = stack.use(await createTestServer(options))
  stack.use(await startWorker(server, { platforms: options.platforms ?? ['simulator'], runtimeDir: join(folder, 'runtime') }))
  const admin = await server.logIn()
  const ask: Service['ask'] = (method, path, { body, session = admin, headers = {} } = {}) =>
    server.request({
      method,
      url: `/v1/${session.projectId}${path}`,
      token: session.token,
      headers,
      ...(body === undefined ? {} : { payload: body as object }),
    })
  const json = async <T>(...given: Parameters<Service['json']>): Promise<T> => {
    const answer = await ask(...given)
    if (answer.statusCode !== 200) throw new Error(`${given[0]} ${given[1]}: ${answer.statusCode} ${answer.body}`)
    return answer.json<T>()
  }
  const until = async <T>(path: string, fits: (answer: T) => boolean): Promise<T> => {
    for (const end = Date.now() + (options.limitMs ?? LIMIT_MS); ; await sleep(50)) {
      const answer = await json<T>('GET', path)
      if (fits(answer)) return answer
      if (Date.now() > end) throw new Error(`${path} did not come to what was wanted; last: ${JSON.stringify(answer)}`)
    }
  }
  let places = 0
  const makeEndpoint = async () => {
    const endpoint = {
      name: `place-${++places}`,
      type: 'simulator',
      connection_info: { folder: join(folder, String(places)), machines: 3 },
    }
    return (await json<{ endpoint: { id: string } }>('POST', '/endpoints', { body: { endpoint } })).endpoint.id
  }
  const makeTransfer: Service['makeTransfer'] = async more => {
    const [origin, destination] = [await makeEndpoint(), await makeEndpoint()]
    const transfer = { origin_endpoint_id: origin, destination_endpoint_id: destination, instances: ['vm-00001'], ...more }
    const made = await json<{ transfer: { id: string } }>('POST', '/transfers', { body: { transfer } })
    return { origin, destination, transfer: made.transfer.id }
  }
  const owned = stack.move()
  return { server, admin, folder, ask, json, until, makeTransfer, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** A worker in this process, when it is known to the service. */
async function startWorker(
  { store, deps: { log } }: TestServer,
  { platforms, runtimeDir }: { platforms: readonly string[]; runtimeDir: string },
): Promise<AsyncDisposable> {
  const stop = new AbortController()
  const paths = { cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', runtimeDir }
  const running = runWorkerRole({ store, log, host: 'worker-a', platforms, paths }, stop.signal)
  const isThere = () => store.db.selectFrom('workers').select('id').where('beat_at', 'is not', null).executeTakeFirst()
  while ((await Promise.race([isThere(), running.then(() => null)])) === undefined) await sleep(20)
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running
    },
  }
}
