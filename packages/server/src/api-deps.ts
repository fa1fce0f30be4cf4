import type { Log } from '@instar/contract'
import type { Engine } from '@instar/engine'
import type { Store } from '@instar/store'
import type { PoolWork } from './pools/pool-work.ts'

/** What routes and background work need of the world. */
export interface ApiDeps {
  readonly store: Store
  readonly engine: Engine
  readonly pools: PoolWork
  readonly log: Log
  readonly now: () => Date
  readonly newId: () => string
}

/** The database, or a transaction on it. */
export type Db = Store['db']
export type Trx = Parameters<Parameters<Store['transact']>[0]>[0]
