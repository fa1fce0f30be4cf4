import type { PgBoss } from 'pg-boss'
import type { Log } from '@instar/contract'
import type { Store } from '@instar/store'
import type { Announcer } from './announcer.ts'
import type { Queues } from './delivery/queues.ts'
import type { EngineHooks, EngineLimits } from './engine.ts'
import type { Admission } from './execution/admission.ts'

/** What all of the engine works with, in the server and in the worker. */
export interface EngineParts {
  readonly store: Store
  readonly boss: PgBoss
  readonly queues: Queues
  readonly announcer: Announcer
  readonly admission: Admission
  readonly log: Log
  readonly hooks: EngineHooks
  readonly limits: EngineLimits
  readonly newId: () => string
}
