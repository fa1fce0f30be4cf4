import type { Trx } from '../api-deps.ts'

/** What routes ask of the keeper of minion pools; its rules are the engine's (`createPools`). */
export interface PoolWork {
  allocate(trx: Trx, poolId: string): Promise<void>
  deallocate(trx: Trx, poolId: string, options: { readonly force: boolean }): Promise<void>
  refresh(trx: Trx, poolId: string): Promise<void>
  /** Finds machines for an execution that waits for them. */
  reserve(trx: Trx, request: MinionRequest): Promise<void>
}

interface MinionRequest {
  readonly executionId: string
  readonly actionId: string
  readonly wanted: readonly { readonly poolId: string; readonly instance: string; readonly role: 'origin' | 'destination' | 'osmorphing' }[]
}
