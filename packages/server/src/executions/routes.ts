import { sql } from 'kysely'
import { InstarError } from '@instar/contract'
import { executionStates, executionStatus } from '@instar/engine'
import type { ListQuery, RouteName } from '@instar/contract/api'
import type { ApiDeps, Trx } from '../api-deps.ts'
import { readSecretsOfTransfer, type EndpointDeps } from '../endpoints/read-secret.ts'
import type { Handlers } from '../http/call.ts'
import { page, type SortColumns } from '../lists/page.ts'
import { rowId } from '../lists/row.ts'
import { deleteExecutions } from './delete-executions.ts'
import { executionObjects } from './execution-object.ts'
import { findExecutionObject, requireExecution, requireExecutionObject } from './execution.ts'
import { startExecution } from './start-execution.ts'

const SORT = {
  id: sql`executions.id`,
  number: sql`number`,
  created_at: sql`created_at`,
  updated_at: sql`coalesce(updated_at, created_at)`,
  deleted_at: sql`coalesce(deleted_at, 'infinity')`,
  status: sql`state`,
  type: sql`kind`,
  action_id: sql`action_id`,
} satisfies SortColumns

export function executionRoutes(deps: EndpointDeps) {
  const { store } = deps
  const { db } = store
  return {
    'executions.list': async ({ params, query, projectId }) => ({
      executions: await executionObjects(db, await listExecutions(deps, { transferId: params.transfer_id, projectId }, query)),
    }),
    'executions.detail': async ({ params, projectId }) => ({
      executions: await executionObjects(db, await listExecutions(deps, { transferId: params.transfer_id, projectId }, {})),
    }),
    'executions.create': async call => {
      const { params, body, projectId, caller, signal } = call
      await readSecretsOfTransfer(deps, { transferId: params.transfer_id, projectId }, call)
      const request = {
        transferId: params.transfer_id,
        asker: { projectId, userId: caller.userId },
        shutdownInstances: body.execution?.shutdown_instances ?? false,
        autoDeploy: body.execution?.auto_deploy ?? false,
      }
      const id = await store.transact(trx => startExecution(deps, trx, request), signal)
      return { execution: await requireExecutionObject(db, { transferId: params.transfer_id, projectId, id }) }
    },
    'executions.show': async ({ params, projectId }) => ({
      execution: await requireExecutionObject(db, { transferId: params.transfer_id, projectId, id: params.execution_id }),
    }),
    'executions.find': async ({ params, projectId }) => ({ execution: await findExecutionObject(db, projectId, params.execution_id) }),
    'executions.delete': async ({ params, projectId, signal }) => {
      const hide = async (trx: Trx) => {
        const row = await requireExecution(trx, { transferId: params.transfer_id, projectId, id: params.execution_id })
        if (row.ended_at === null) {
          throw new InstarError(
            'api.wrong-state',
            `execution ${row.id} of transfer ${row.action_id} is ${executionStatus(row.state)}; cancel it first`,
          )
        }
        return { executionId: row.id }
      }
      await deleteExecutions(deps, hide, signal)
    },
    'executions.act': async ({ params, body, projectId, signal }) => {
      await store.transact(async trx => {
        const row = await requireExecution(trx, { transferId: params.transfer_id, projectId, id: params.execution_id })
        await deps.engine.cancel(trx, row.id, { force: body.cancel?.force ?? false })
      }, signal)
    },
  } satisfies Partial<Handlers<RouteName>>
}

/** Of an unknown transfer the list is empty: a page of the web UI that asks for one just deleted must not break. */
async function listExecutions({ store: { db } }: ApiDeps, of: { transferId: string; projectId: string }, query: ListQuery) {
  if (query.status === 'PENDING' || query.status === 'UNEXECUTED') return []
  const all = db
    .selectFrom('executions')
    .selectAll()
    .where('action_id', '=', rowId(of.transferId))
    .where('project_id', '=', of.projectId)
    .where('kind', '<>', 'deployment')
  let rows = all
  if (query.show_deleted !== true) rows = rows.where('deleted_at', 'is', null)
  if (query.status !== undefined) rows = rows.where('state', 'in', executionStates(query.status))
  return page(query, { select: rows, all, db, columns: SORT })
}
