import { InstarError } from '@instar/contract'
import type { ApiDeps, Trx } from '../api-deps.ts'
import { requireDeployment } from '../deployments/deployment.ts'
import { startDeployment } from '../deployments/start-deployment.ts'
import { lockAction, requireIdle } from '../moves/busy.ts'

/**
 * Starts the deployments whose execution has completed; ends those whose execution failed, was cancelled or is gone. Any number of servers may do
 * this at once: the row decides. Answers how many were settled.
 */
export async function settlePendingDeployments(deps: ApiDeps, signal: AbortSignal): Promise<number> {
  const waiting = await deps.store.db
    .selectFrom('deployments')
    .innerJoin('actions', 'actions.id', 'deployments.id')
    .leftJoin('executions', 'executions.id', 'deployments.deployer_id')
    .select(['deployments.id', 'deployments.project_id', 'deployments.transfer_id', 'executions.state', 'executions.ended_at'])
    .where('deployer_id', 'is not', null)
    .where('last_execution_state', 'is', null)
    .where('actions.deleted_at', 'is', null)
    .where(eb => eb.or([eb('executions.ended_at', 'is not', null), eb('executions.id', 'is', null)]))
    .execute()
  for (const { id, project_id, transfer_id, state } of waiting) {
    const of = { id, projectId: project_id, transferId: transfer_id }
    if (state === 'completed') await startOrFail(deps, of, signal)
    else await deps.store.transact(trx => fail(deps, trx, of, `the execution that it waited for ended as ${state ?? 'deleted'}`), signal)
  }
  return waiting.length
}

interface Waiting {
  readonly id: string
  readonly projectId: string
  readonly transferId: string
}

async function startOrFail(deps: ApiDeps, of: Waiting, signal: AbortSignal): Promise<void> {
  try {
    await deps.store.transact(async trx => {
      await lockAction(trx, 'transfer', { id: of.transferId, projectId: of.projectId })
      if (!(await isStillWaiting(trx, of))) return
      await requireIdle(trx, of.transferId)
      await startDeployment(deps, trx, await requireDeployment(trx, of.projectId, of.id))
    }, signal)
  } catch (error) {
    if (!(error instanceof InstarError)) throw error
    // Somebody was faster with the transfer, or no worker is there at the moment: the next look may find it otherwise.
    if (error.code === 'api.busy' || error.code.startsWith('engine.'))
      return deps.log.warn({ deployment: of.id, reason: error.message }, 'a deployment must wait')
    await deps.store.transact(trx => fail(deps, trx, of, error.message), signal)
  }
}

async function isStillWaiting(trx: Trx, { id, projectId }: Waiting): Promise<boolean> {
  const { last_execution_state } = await lockAction(trx, 'deployment', { id, projectId })
  return last_execution_state === null
}

async function fail({ now, log }: ApiDeps, trx: Trx, of: Waiting, failure: string): Promise<void> {
  if (!(await isStillWaiting(trx, of))) return
  await trx.updateTable('deployments').set({ failure }).where('id', '=', of.id).execute()
  await trx.updateTable('actions').set({ last_execution_state: 'failed', updated_at: now() }).where('id', '=', of.id).execute()
  log.warn({ deployment: of.id, failure }, 'an automatic deployment did not start')
}
