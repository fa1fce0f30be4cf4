import { randomUUID } from 'node:crypto'
import type { Log } from '@instar/contract'
import type { Store } from '@instar/store'
import { Announcer } from './announcer.ts'
import { openBoss } from './delivery/boss.ts'
import { Queues } from './delivery/queues.ts'
import type { EngineHooks, EngineLimits } from './engine.ts'
import { Admission } from './execution/admission.ts'
import type { EngineParts } from './parts.ts'
import { startSweeping } from './sweep/sweep.ts'

export interface PartsOptions {
  readonly store: Store
  readonly log: Log
  readonly hooks?: EngineHooks
  readonly limits?: EngineLimits
}

const noHooks: EngineHooks = { onExecutionChanged: () => Promise.resolve() }

/** Opens the queue and begins to sweep: the same in the server and in the worker, so that any process alone keeps things going. */
export async function openParts({ store, log, hooks = noHooks, limits = {} }: PartsOptions): Promise<EngineParts & AsyncDisposable> {
  const boss = await openBoss(store.url, log)
  const basis = {
    store,
    boss,
    queues: new Queues(boss),
    announcer: new Announcer(store, log),
    log,
    hooks,
    limits,
    newId: randomUUID,
  }
  const parts: EngineParts = { ...basis, admission: new Admission(basis) }
  const sweeping = startSweeping(parts)
  return {
    ...parts,
    [Symbol.asyncDispose]: async () => {
      await sweeping[Symbol.asyncDispose]()
      await parts.admission.idle()
      await parts.announcer.idle()
      await boss.stop({ graceful: false })
    },
  }
}
