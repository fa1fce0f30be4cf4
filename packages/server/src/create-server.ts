import type { FastifyInstance } from 'fastify'
import type { RouteName } from '@instar/contract/api'
import { startBackground } from './background/background.ts'
import { deploymentRoutes } from './deployments/routes.ts'
import { questionRoutes } from './endpoints/questions.ts'
import { endpointRoutes } from './endpoints/routes.ts'
import { executionRoutes } from './executions/routes.ts'
import type { Handlers } from './http/call.ts'
import { createApp } from './http/create-app.ts'
import { registerRoutes } from './http/register-routes.ts'
import { createBuiltInIdentity } from './identity/built-in.ts'
import type { Identity } from './identity/identity.ts'
import { createKeystoneIdentity } from './identity/keystone.ts'
import { logRoutes } from './operator/log-routes.ts'
import { createMetrics } from './operator/metrics.ts'
import { operatorRoutes } from './operator/routes.ts'
import { providerRoutes } from './places/providers.ts'
import { regionRoutes } from './places/regions.ts'
import { diagnosticsRoutes, serviceRoutes } from './places/services.ts'
import { poolRoutes } from './pools/routes.ts'
import { eventRoutes } from './reports/events.ts'
import { planRoutes } from './reports/plan-routes.ts'
import { scriptRunRoutes } from './reports/script-runs.ts'
import { scheduleRoutes } from './schedules/routes.ts'
import { createSecretReader } from './secrets/key-manager.ts'
import type { ServerDeps } from './server-deps.ts'
import { transferRoutes } from './transfers/routes.ts'

export interface ApiServer extends AsyncDisposable {
  /** `inject` speaks to it without a port, `listen` opens one. */
  readonly app: FastifyInstance
  /** Schedules, automatic deployments, webhook, retention; until disposal. */
  startBackground(): Promise<AsyncDisposable>
}

/** The API. Disposing ends its connections; store and engine are the caller's. */
export async function createServer(deps: ServerDeps): Promise<ApiServer> {
  await using stack = new AsyncDisposableStack()
  const { settings } = deps
  const app = stack.adopt(createApp({ log: deps.log, keystoneUri: settings.keystone?.url }), app => app.close())
  const builtIn = settings.keystone === undefined ? createBuiltInIdentity({ ...deps, ...settings }) : undefined
  const identity: Identity = stack.use(
    builtIn?.identity ?? createKeystoneIdentity({ settings: settings.keystone!, now: deps.now, log: deps.log }),
  )
  const metrics = createMetrics(app, deps.store.db, deps.now)
  const operator = operatorRoutes({ db: deps.store.db, metrics, publicUrl: settings.publicUrl })
  const own = { ...apiRoutes(deps), ...operator, ...logRoutes(settings.logFolder) }
  registerRoutes(app, builtIn === undefined ? own : ({ ...own, ...builtIn.routes } satisfies Handlers<RouteName>), identity)
  await app.ready()
  const owned = stack.move()
  return {
    app,
    startBackground: () => startBackground({ ...deps, identity }, settings),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function apiRoutes(server: ServerDeps) {
  const deps = { ...server, secrets: createSecretReader(server.settings.keyManagerUrl) }
  return {
    ...providerRoutes(deps),
    ...regionRoutes(deps),
    ...serviceRoutes(deps),
    ...diagnosticsRoutes(deps),
    ...endpointRoutes(deps),
    ...questionRoutes(deps),
    ...transferRoutes(deps),
    ...executionRoutes(deps),
    ...scheduleRoutes(deps),
    ...deploymentRoutes(deps),
    ...poolRoutes(deps),
    ...scriptRunRoutes(deps),
    ...planRoutes(deps),
    ...eventRoutes(deps),
  }
}
