import type { Selectable } from 'kysely'
import { executionStatus, openSettings, type MoveSettings } from '@instar/engine'
import type { Transfer } from '@instar/contract/api'
import type { Database, Vault } from '@instar/store'
import type { Db } from '../api-deps.ts'
import { notFound, rowId } from '../lists/row.ts'
import { MOVE_COLUMNS, moveFields, type MoveRow } from '../moves/move-object.ts'

export type TransferRow = MoveRow & Omit<Selectable<Database['transfers']>, 'id' | 'project_id'>

/** Transfers joined with their actions. */
export function selectTransfers(db: Db) {
  return db
    .selectFrom('transfers')
    .innerJoin('actions', 'actions.id', 'transfers.id')
    .selectAll('actions')
    .select([...MOVE_COLUMNS, 'origin_minion_pool_id', 'destination_minion_pool_id'])
}

/** Throws `api.not-found`; also for one that was deleted. */
export async function requireTransfer(db: Db, projectId: string, id: string): Promise<TransferRow> {
  const row = await selectTransfers(db)
    .where('actions.id', '=', rowId(id))
    .where('actions.project_id', '=', projectId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (row === undefined) throw notFound('transfer', id)
  return row
}

export function transferSettings(vault: Vault, row: TransferRow): MoveSettings {
  return openSettings(vault, { table: 'transfers', id: row.id }, row.settings)
}

/** The transfer of the wire. `executions` are a resource of their own: the list here is empty, but for `include_task_info`. */
export function transferObject(vault: Vault, row: TransferRow): Transfer {
  return {
    ...moveFields(row, transferSettings(vault, row)),
    type: 'transfer',
    scenario: row.scenario,
    transfer_result: null,
    origin_minion_pool_id: row.origin_minion_pool_id,
    destination_minion_pool_id: row.destination_minion_pool_id,
    last_execution_status: executionStatus(row.last_execution_state),
    executions: [],
  }
}
