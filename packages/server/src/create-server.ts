import type { FastifyInstance } from 'fastify'
import { createBuiltInIdentity } from './identity/built-in.ts'
import { createApp } from './http/create-app.ts'
import { registerRoutes } from './http/register-routes.ts'
import type { ServerDeps } from './server-deps.ts'

export interface ApiServer extends AsyncDisposable {
  readonly app: FastifyInstance
}

/** The API without a port; `app.inject` speaks to it, `app.listen` opens it. */
export async function createServer(deps: ServerDeps): Promise<ApiServer> {
  await using stack = new AsyncDisposableStack()
  const { identity, routes } = createBuiltInIdentity({ ...deps, ...deps.settings })
  stack.use(identity)
  const app = stack.adopt(createApp({ log: deps.log, keystoneUri: undefined }), app => app.close())
  registerRoutes(app, routes, identity)
  await app.ready()
  const owned = stack.move()
  return { app, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
