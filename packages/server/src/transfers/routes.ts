import { executionStates } from '@instar/engine'
import { Transfer, type ListQuery, type RouteName } from '@instar/contract/api'
import type { ApiDeps, Trx } from '../api-deps.ts'
import { deleteExecutions } from '../executions/delete-executions.ts'
import { executionObjects } from '../executions/execution-object.ts'
import { requireExecutionObject } from '../executions/execution.ts'
import type { Caller, Handlers } from '../http/call.ts'
import type { RowVersion } from '../lists/json-text.ts'
import { page } from '../lists/page.ts'
import { lockAction, requireIdle } from '../moves/busy.ts'
import { infoObject } from '../moves/info.ts'
import { createMoveList, MOVE_SORT, moveVersion } from '../moves/move-list.ts'
import { createTransfer } from './create-transfer.ts'
import { deleteDisks, releaseSource } from './delete-disks.ts'
import { requireTransfer, selectTransfers, transferObject, type TransferRow } from './transfer.ts'
import { updateTransfer } from './update-transfer.ts'

export function transferRoutes(deps: ApiDeps) {
  const { store } = deps
  const { db, vault } = store
  const written = createMoveList({
    key: 'transfers',
    load: (projectId, ids) => loadTransfers(deps, projectId, ids),
    show: row => Transfer.parse(transferObject(vault, row)),
  })
  const askerOf = (call: { projectId: string; caller: Caller }) => ({ projectId: call.projectId, userId: call.caller.userId })
  const list = async ({ query, projectId }: { query: ListQuery; projectId: string }) => {
    const found = await listTransfers(deps, projectId, query)
    if (query.include_task_info !== true) return written.write(projectId, found)
    const transfers: Transfer[] = []
    for (const row of await written.load(projectId, found)) transfers.push(await withTaskInfo(deps, row))
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
    'transfers.delete': async ({ params, projectId, caller, signal }) => {
      const hide = async (trx: Trx) => {
        const { id } = await lockAction(trx, 'transfer', { id: params.transfer_id, projectId })
        await requireIdle(trx, id)
        await releaseSource(deps, trx, { id, asker: { projectId, userId: caller.userId } })
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
    .select(['actions.id', moveVersion('transfers')])
    .where('actions.project_id', '=', projectId)
    .where('actions.kind', '=', 'transfer')
  let rows = all
  if (query.show_deleted !== true) rows = rows.where('actions.deleted_at', 'is', null)
  if (query.status === 'UNEXECUTED') rows = rows.where('last_execution_state', 'is', null)
  else if (query.status !== undefined) rows = rows.where('last_execution_state', 'in', executionStates(query.status))
  return page(query, { select: rows, all, db, columns: MOVE_SORT })
}

function loadTransfers({ store: { db } }: ApiDeps, projectId: string, ids: readonly string[]) {
  return selectTransfers(db)
    .select(moveVersion('transfers'))
    .where('actions.id', 'in', ids)
    .where('actions.project_id', '=', projectId)
    .execute()
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
