import { InstarError } from '@instar/contract'
import { executionStates } from '@instar/engine'
import { Deployment, type ListQuery, type RouteName } from '@instar/contract/api'
import type { ApiDeps, Trx } from '../api-deps.ts'
import { deleteExecutions } from '../executions/delete-executions.ts'
import { readSecretsOfTransfer, type EndpointDeps } from '../endpoints/read-secret.ts'
import { tasksOf } from '../executions/execution-object.ts'
import type { Handlers } from '../http/call.ts'
import type { RowVersion } from '../lists/json-text.ts'
import { page } from '../lists/page.ts'
import { lockAction } from '../moves/busy.ts'
import { infoObject } from '../moves/info.ts'
import { createMoveList, MOVE_SORT, moveVersion } from '../moves/move-list.ts'
import { createDeployment } from './create-deployment.ts'
import { deploymentObject, deploymentStatus, requireDeployment, selectDeployments, type DeploymentRow } from './deployment.ts'

export function deploymentRoutes(deps: EndpointDeps) {
  const { store } = deps
  const { db } = store
  const written = createMoveList({
    key: 'deployments',
    load: (projectId, ids) => loadDeployments(deps, projectId, ids),
    show: row => Deployment.parse({ ...deploymentObject(store.vault, row, []), executions: [] }),
  })
  const list = async ({ query, projectId }: { query: ListQuery; projectId: string }) => {
    const found = await listDeployments(deps, projectId, query)
    if (query.include_task_info !== true) return written.write(projectId, found)
    const deployments: Deployment[] = []
    for (const row of await written.load(projectId, found)) deployments.push(await withTasks(deps, row, true))
    return { deployments }
  }
  return {
    'deployments.list': list,
    'deployments.detail': list,
    'deployments.create': async call => {
      const { body, projectId, caller, signal } = call
      await readSecretsOfTransfer(deps, { transferId: body.deployment.transfer_id, projectId }, call)
      const asker = { projectId, userId: caller.userId }
      const id = await store.transact(trx => createDeployment(deps, trx, asker, body.deployment), signal)
      return { deployment: await withTasks(deps, await requireDeployment(db, projectId, id), false) }
    },
    // Always with `info`: Coriolis' client wants it for --show-instances-data, and does not ask for it.
    'deployments.show': async ({ params, projectId }) => ({
      deployment: await withTasks(deps, await requireDeployment(db, projectId, params.deployment_id), true),
    }),
    'deployments.delete': async ({ params, projectId, signal }) => {
      const hide = async (trx: Trx) => {
        const { id } = await lockAction(trx, 'deployment', { id: params.deployment_id, projectId })
        const row = await requireDeployment(trx, projectId, id)
        if (await deps.engine.isBusy(trx, id)) {
          throw new InstarError(
            'api.wrong-state',
            `deployment ${id} of transfer ${row.transfer_id} is ${deploymentStatus(row)}; cancel it first`,
          )
        }
        await trx.updateTable('actions').set({ deleted_at: deps.now() }).where('id', '=', id).execute()
        return { actionId: id }
      }
      await deleteExecutions(deps, hide, signal)
    },
    'deployments.act': async ({ params, body, projectId, signal }) => {
      const force = body.cancel?.force ?? false
      await store.transact(trx => cancelDeployment(deps, trx, { id: params.deployment_id, projectId, force }), signal)
    },
  } satisfies Partial<Handlers<RouteName>>
}

/** An execution is locked before its action. One that is not there yet cannot begin while we have the action locked. */
async function cancelDeployment(deps: ApiDeps, trx: Trx, of: { readonly id: string; readonly projectId: string; readonly force: boolean }) {
  const { id } = await requireDeployment(trx, of.projectId, of.id)
  const cancelExecution = async (): Promise<boolean> => {
    const execution = await trx.selectFrom('executions').select('id').where('action_id', '=', id).executeTakeFirst()
    if (execution !== undefined) await deps.engine.cancel(trx, execution.id, { force: of.force })
    return execution !== undefined
  }
  if (await cancelExecution()) return
  const { last_execution_state } = await lockAction(trx, 'deployment', { id, projectId: of.projectId })
  if (await cancelExecution()) return
  if (last_execution_state !== null) throw new InstarError('api.wrong-state', `deployment ${id} ended before it began`)
  await trx.updateTable('actions').set({ last_execution_state: 'cancelled', updated_at: deps.now() }).where('id', '=', id).execute()
}

async function listDeployments({ store: { db } }: ApiDeps, projectId: string, query: ListQuery): Promise<RowVersion[]> {
  if (query.status === 'UNEXECUTED') return []
  const all = selectDeployments(db)
    .clearSelect()
    .select(['actions.id', moveVersion('deployments')])
    .where('actions.project_id', '=', projectId)
    .where('actions.kind', '=', 'deployment')
  let rows = all
  if (query.show_deleted !== true) rows = rows.where('actions.deleted_at', 'is', null)
  if (query.status === 'PENDING') rows = rows.where('last_execution_state', 'is', null)
  else if (query.status !== undefined) rows = rows.where('last_execution_state', 'in', executionStates(query.status))
  return page(query, { select: rows, all, db, columns: MOVE_SORT })
}

function loadDeployments({ store: { db } }: ApiDeps, projectId: string, ids: readonly string[]) {
  return selectDeployments(db)
    .select(moveVersion('deployments'))
    .where('actions.id', 'in', ids)
    .where('actions.project_id', '=', projectId)
    .execute()
}

async function withTasks({ store: { db, vault }, engine }: ApiDeps, row: DeploymentRow, hasInfo: boolean): Promise<Deployment> {
  const execution = await db.selectFrom('executions').select(['id', 'ended_at']).where('action_id', '=', row.id).executeTakeFirst()
  const tasks = execution === undefined ? [] : ((await tasksOf(db, [execution.id])).get(execution.id) ?? [])
  const deployment = deploymentObject(vault, row, tasks)
  return hasInfo ? { ...deployment, info: await infoObject(engine.info, db, row.id) } : deployment
}
