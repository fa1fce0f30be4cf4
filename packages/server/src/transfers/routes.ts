import { sql } from 'kysely'
import { executionStates } from '@instar/engine'
import { Transfer, type ListQuery, type RouteName } from '@instar/contract/api'
import type { ApiDeps, Trx } from '../api-deps.ts'
import { deleteExecutions } from '../executions/delete-executions.ts'
import { executionObjects } from '../executions/execution-object.ts'
import { requireExecutionObject } from '../executions/execution.ts'
import type { Caller, Handlers } from '../http/call.ts'
import { JsonText, RowTexts, type RowVersion } from '../lists/json-text.ts'
import { page, type SortColumns } from '../lists/page.ts'
import { lockAction, requireIdle } from '../moves/busy.ts'
import { infoObject } from '../moves/info.ts'
import { createTransfer } from './create-transfer.ts'
import { deleteDisks } from './delete-disks.ts'
import { requireTransfer, selectTransfers, transferObject, type TransferRow } from './transfer.ts'
import { updateTransfer } from './update-transfer.ts'

/** PostgreSQL's own: the transactions that last wrote the two rows of a transfer. */
const TRANSFER_VERSION = sql<string>`actions.xmin || ':' || transfers.xmin`.as('version')

/** What a list of transfers or deployments can be sorted by. */
export const ACTION_SORT = {
  id: sql`actions.id`,
  base_id: sql`actions.id`,
  created_at: sql`actions.created_at`,
  // Never changed counts as changed when it was made.
  updated_at: sql`coalesce(actions.updated_at, actions.created_at)`,
  deleted_at: sql`coalesce(actions.deleted_at, 'infinity')`,
  user_id: sql`actions.user_id`,
  project_id: sql`actions.project_id`,
  instances: sql`actions.instances`,
  last_execution_status: sql`coalesce(actions.last_execution_state, '')`,
  notes: sql`coalesce(notes, '')`,
  scenario: sql`scenario`,
  origin_endpoint_id: sql`origin_endpoint_id`,
  destination_endpoint_id: sql`destination_endpoint_id`,
  clone_disks: sql`clone_disks`,
  skip_os_morphing: sql`skip_os_morphing`,
} satisfies SortColumns

export function transferRoutes(deps: ApiDeps) {
  const { store } = deps
  const { db, vault } = store
  const texts = new RowTexts()
  const askerOf = (call: { projectId: string; caller: Caller }) => ({ projectId: call.projectId, userId: call.caller.userId })
  const list = async ({ query, projectId }: { query: ListQuery; projectId: string }) => {
    const listed = await listTransfers(deps, projectId, query)
    if (query.include_task_info !== true) {
      const written = await texts.of(listed, ids => writeTransfers(deps, projectId, ids))
      return new JsonText(`{"transfers":[${written.join()}]}`)
    }
    const transfers: Transfer[] = []
    for (const row of await loadTransfers(
      deps,
      projectId,
      listed.map(({ id }) => id),
    ))
      transfers.push(await withTaskInfo(deps, row))
    return { transfers }
  }
  return {
    'transfers.list': list,
    'transfers.detail': list,
    'transfers.create': async call => {
      const id = await store.transact(trx => createTransfer(deps, trx, askerOf(call), call.body.transfer), call.signal)
      return { transfer: transferObject(vault, await requireTransfer(db, call.projectId, id)) }
    },
    'transfers.show': async ({ params, query, projectId }) => {
      const row = await requireTransfer(db, projectId, params.transfer_id)
      const transfer = transferObject(vault, row)
      return {
        transfer: query.include_task_info === true ? { ...transfer, info: await infoObject(deps.engine.info, db, row.id) } : transfer,
      }
    },
    'transfers.update': async call => {
      const of = { id: call.params.transfer_id, asker: askerOf(call) }
      const id = await store.transact(trx => updateTransfer(deps, trx, of, call.body.transfer), call.signal)
      return { execution: await requireExecutionObject(db, { transferId: of.id, projectId: call.projectId, id }) }
    },
    'transfers.delete': async ({ params, projectId, signal }) => {
      const hide = async (trx: Trx) => {
        const { id } = await lockAction(trx, 'transfer', { id: params.transfer_id, projectId })
        await requireIdle(trx, id)
        const deleted = { deleted_at: deps.now() }
        await trx.updateTable('actions').set(deleted).where('id', '=', id).execute()
        await trx.updateTable('schedules').set(deleted).where('transfer_id', '=', id).where('deleted_at', 'is', null).execute()
        return { actionId: id }
      }
      await deleteExecutions(deps, hide, signal)
    },
    'transfers.act': async call => {
      const of = { id: call.params.transfer_id, asker: askerOf(call) }
      const id = await store.transact(trx => deleteDisks(deps, trx, of), call.signal)
      return { execution: await requireExecutionObject(db, { transferId: of.id, projectId: call.projectId, id }) }
    },
  } satisfies Partial<Handlers<RouteName>>
}

async function listTransfers({ store: { db } }: ApiDeps, projectId: string, query: ListQuery): Promise<RowVersion[]> {
  // A transfer is never PENDING.
  if (query.status === 'PENDING') return []
  const all = selectTransfers(db)
    .clearSelect()
    .select(['actions.id', TRANSFER_VERSION])
    .where('actions.project_id', '=', projectId)
    .where('actions.kind', '=', 'transfer')
  let rows = all
  if (query.show_deleted !== true) rows = rows.where('actions.deleted_at', 'is', null)
  if (query.status === 'UNEXECUTED') rows = rows.where('last_execution_state', 'is', null)
  else if (query.status !== undefined) rows = rows.where('last_execution_state', 'in', executionStates(query.status))
  return page(query, { select: rows, all, db, columns: ACTION_SORT })
}

/** In the order of the ids. */
async function loadTransfers({ store: { db } }: ApiDeps, projectId: string, ids: readonly string[]) {
  if (ids.length === 0) return []
  const rows = await selectTransfers(db)
    .select(TRANSFER_VERSION)
    .where('actions.id', 'in', ids)
    .where('actions.project_id', '=', projectId)
    .execute()
  const byId = new Map(rows.map(row => [row.id, row]))
  return ids.flatMap(id => byId.get(id) ?? [])
}

async function writeTransfers(deps: ApiDeps, projectId: string, ids: readonly string[]) {
  const rows = await loadTransfers(deps, projectId, ids)
  return rows.map(row => ({
    id: row.id,
    version: row.version,
    text: JSON.stringify(Transfer.parse(transferObject(deps.store.vault, row))),
  }))
}

async function withTaskInfo({ store: { db, vault }, engine }: ApiDeps, row: TransferRow): Promise<Transfer> {
  const executions = await db
    .selectFrom('executions')
    .selectAll()
    .where('action_id', '=', row.id)
    .where('deleted_at', 'is', null)
    .orderBy('number')
    .execute()
  return {
    ...transferObject(vault, row),
    executions: await executionObjects(db, executions),
    info: await infoObject(engine.info, db, row.id),
  }
}
