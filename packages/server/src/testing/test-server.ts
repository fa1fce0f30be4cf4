import { randomUUID } from 'node:crypto'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Log } from '@instar/contract'
import { createEngine, createMoveHooks, createPools, type Engine } from '@instar/engine'
import type { Store } from '@instar/store'
import { createTestStore } from '@instar/store/testing'
import { createServer, type ApiServer } from '../create-server.ts'
import type { ServerDeps, ServerSettings } from '../server-deps.ts'
import { bootstrapIdentity } from '../identity/bootstrap.ts'

const PASSWORD = 'correct horse'
/** Good enough for tests, and fast. */
const passwordCost = { logN: 4 }

export interface TestServer extends AsyncDisposable {
  readonly store: Store
  readonly deps: ServerDeps
  readonly server: ApiServer
  /** Lines that were logged, as JSON. */
  readonly logged: readonly string[]
  request(options: InjectOptions & { readonly token?: string }): Promise<LightMyRequestResponse>
  /** Logs in and gives token, project and user. */
  logIn(user?: string, project?: string): Promise<Session>
  /** A new user with a role in a project, which is made when it is not there; logged in. */
  addUser(name: string, project: string, role: 'reader' | 'member' | 'admin'): Promise<Session>
}

export interface Session {
  readonly token: string
  readonly projectId: string
  readonly userId: string
}

export interface TestServerOptions {
  readonly now?: () => Date
  readonly settings?: Partial<ServerSettings>
  /** Answers questions to providers in place of a worker. */
  readonly ask?: Engine['ask']
}

/** A server on a database of its own, with project and user `admin`. */
export async function createTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  await using stack = new AsyncDisposableStack()
  const store = stack.use(
    await createTestStore({
      prepare: { name: 'admin', run: store => bootstrapIdentity(store, { adminPassword: PASSWORD, passwordCost }).then(() => undefined) },
    }),
  )
  const logged: string[] = []
  const log = collectLog(logged)
  const now = options.now ?? (() => new Date())
  const settings = { publicUrl: undefined, tokenLifetimeMs: 3_600_000, passwordCost, ...options.settings }
  const pools = createPools({ store, engine: () => engine, newId: randomUUID, now })
  const hooks = createMoveHooks({ store, newId: randomUUID, now })
  const real = stack.use(await createEngine({ store, log, hooks }))
  const engine: Engine = options.ask === undefined ? real : { ...real, ask: options.ask }
  const deps = { store, engine, pools, log, now, newId: randomUUID, settings }
  const server = stack.use(await createServer(deps))
  const request: TestServer['request'] = ({ token, ...options }) =>
    server.app.inject({ ...options, headers: { ...(token === undefined ? {} : { 'x-auth-token': token }), ...options.headers } })
  const logIn: TestServer['logIn'] = async (user = 'admin', project = 'admin') => {
    const answer = await request({ method: 'POST', url: '/identity/v3/auth/tokens', payload: passwordBody(user, project) })
    if (answer.statusCode !== 201) throw new Error(`log-in of ${user} failed: ${answer.body}`)
    const { token } = answer.json<{ token: { project: { id: string }; user: { id: string } } }>()
    return { token: String(answer.headers['x-subject-token']), projectId: token.project.id, userId: token.user.id }
  }
  const addUser: TestServer['addUser'] = async (name, project, role) => {
    const { token } = await logIn()
    const ask = async (options: InjectOptions) =>
      (await request({ ...options, token })).json<Record<string, { id: string }[] & { id: string }>>()
    const known = (await ask({ method: 'GET', url: `/identity/v3/projects?name=${project}` }))['projects']?.[0]?.id
    const projectId =
      known ?? (await ask({ method: 'POST', url: '/identity/v3/projects', payload: { project: { name: project } } }))['project']!.id
    const user = await ask({ method: 'POST', url: '/identity/v3/users', payload: { user: { name, password: PASSWORD } } })
    await request({ method: 'PUT', url: `/identity/v3/projects/${projectId}/users/${user['user']!.id}/roles/${role}`, token })
    return logIn(name, project)
  }
  const owned = stack.move()
  return { store, deps, server, logged, request, logIn, addUser, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** The body of a log-in by name. */
export function passwordBody(user: string, project: string | undefined, password = PASSWORD): object {
  const domain = { name: 'Default' }
  return {
    auth: {
      identity: { methods: ['password'], password: { user: { name: user, domain, password } } },
      ...(project === undefined ? { scope: 'unscoped' } : { scope: { project: { name: project, domain } } }),
    },
  }
}

function collectLog(lines: string[]): Log {
  const add = (level: string) => (fields: object, message: string) => void lines.push(JSON.stringify({ level, message, ...fields }))
  return { debug: add('debug'), info: add('info'), warn: add('warn'), error: add('error') }
}
