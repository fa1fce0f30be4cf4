import { randomUUID } from 'node:crypto'
import { createEngine, createMoveHooks, createPools, type EngineHooks, type EngineLimits } from '@instar/engine'
import type { Log } from '@instar/contract'
import type { Store } from '@instar/store'
import { createServer } from './create-server.ts'
import { bootstrapIdentity } from './identity/bootstrap.ts'
import { PASSWORD_COST } from './identity/password.ts'
import type { ServerSettings } from './server-deps.ts'

export interface ServeOptions {
  readonly store: Store
  readonly log: Log
  readonly address: { readonly host: string; readonly port: number }
  /** Of the user `admin`, at the first start; absent: generated. */
  readonly adminPassword: string | undefined
  readonly settings: Omit<ServerSettings, 'passwordCost'>
  readonly limits?: EngineLimits
}

export interface RunningApi extends AsyncDisposable {
  readonly url: string
  /** Set at the first start, when no password was given: the only time that it is known. */
  readonly generatedPassword: string | undefined
}

/** Serves the API on an open store: engine, identity, background work, port. Rejects with the system's error when it cannot listen. */
export async function serveApi({ store, log, address, adminPassword, settings, limits }: ServeOptions): Promise<RunningApi> {
  await using stack = new AsyncDisposableStack()
  const now = () => new Date()
  const first = settings.keystone === undefined ? await bootstrapIdentity(store, { adminPassword, passwordCost: PASSWORD_COST }) : undefined
  const pools = createPools({ store, engine: () => engine, newId: randomUUID, now })
  const hooks = allOf([createMoveHooks({ store, newId: randomUUID, now }), pools.hooks])
  const engine = stack.use(await createEngine({ store, log, hooks, ...(limits && { limits }) }))
  const server = stack.use(
    await createServer({ store, engine, pools, log, now, newId: randomUUID, settings: { ...settings, passwordCost: PASSWORD_COST } }),
  )
  stack.use(await server.startBackground())
  const url = await server.app.listen(address)
  const owned = stack.move()
  return {
    url,
    generatedPassword: first?.kind === 'made' ? first.generatedPassword : undefined,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function allOf(hooks: readonly EngineHooks[]): EngineHooks {
  return {
    onExecutionChanged: async (trx, change) => {
      for (const hook of hooks) await hook.onExecutionChanged(trx, change)
    },
  }
}
