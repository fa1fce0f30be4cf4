import type { Transaction } from 'kysely'
import type { Database, Store } from '@instar/store'
import type { Engine } from '../engine.ts'

/** What the work on pools needs. The engine comes late: it is made with hooks that are made with this. */
export interface PoolDeps {
  readonly store: Pick<Store, 'db' | 'vault' | 'transact' | 'notify'>
  readonly engine: () => Pick<Engine, 'start' | 'assign' | 'cancel' | 'settleMinions' | 'info'>
  readonly newId: () => string
  readonly now: () => Date
}

export type Trx = Transaction<Database>

/** What a machine of a pool does for a machine of a transfer or deployment. */
export type MinionRole = 'origin' | 'destination' | 'osmorphing'
