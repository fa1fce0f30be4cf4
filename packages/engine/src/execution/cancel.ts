import type { Transaction } from 'kysely'
import { InstarError } from '@instar/contract'
import { storableText, type Database } from '@instar/store'
import type { EngineParts } from '../parts.ts'
import { isActiveExecution } from '../rules/task-classes.ts'
import { executionStatus } from '../wire.ts'
import { applyEvent, notifyOf, setExecutionState } from './apply.ts'
import { loadBoard, type Board } from './board.ts'
import { beginExecution } from './start.ts'

/** See `Engine.cancel`. */
export async function cancelExecution(parts: EngineParts, trx: Transaction<Database>, executionId: string, force: boolean): Promise<void> {
  const board = await loadBoard(trx, executionId)
  if (board === undefined) throw new InstarError('engine.not-active', `there is no execution ${executionId}`)
  const { state } = board.execution
  if (!isActiveExecution(state))
    throw new InstarError('engine.not-active', `execution ${executionId} has ended: its status is ${executionStatus(state)}`)
  if (state === 'cancelling' && !force)
    throw new InstarError(
      'engine.already-cancelling',
      `execution ${executionId} is being cancelled already; only with force is it stopped at once`,
    )
  await trx
    .updateTable('executions')
    .set({ cancel: force ? 'forced' : 'asked' })
    .where('id', '=', executionId)
    .execute()
  if (state === 'awaiting_minions') {
    const reason = 'it was cancelled before its minions were ready'
    return leaveOut(parts, trx, board, { state: 'cancelled', reason })
  }
  await notifyOf(parts, trx, await applyEvent(parts, trx, board, { kind: 'cancel', force }))
}

/** See `Engine.settleMinions`. */
export async function settleMinions(
  parts: EngineParts,
  trx: Transaction<Database>,
  executionId: string,
  outcome: 'allocated' | { readonly failed: string },
): Promise<boolean> {
  const board = await loadBoard(trx, executionId)
  if (board?.execution.state !== 'awaiting_minions') return false
  if (outcome !== 'allocated') {
    await leaveOut(parts, trx, board, { state: 'minions_failed', reason: outcome.failed })
    return true
  }
  await setExecutionState(parts, trx, board.execution, 'running')
  await beginExecution(parts, trx, executionId)
  return true
}

/** Ends an execution of which no task has begun. */
async function leaveOut(
  parts: EngineParts,
  trx: Transaction<Database>,
  board: Board,
  { state, reason }: { state: 'cancelled' | 'minions_failed'; reason: string },
): Promise<void> {
  const { id } = board.execution
  await trx
    .updateTable('tasks')
    .set({ state: 'skipped', reason: storableText(reason), ended_at: new Date() })
    .where('execution_id', '=', id)
    .execute()
  await setExecutionState(parts, trx, board.execution, state)
}
