import { sql, type Transaction } from 'kysely'
import type { Log } from '@instar/contract'
import type { Database } from '@instar/store'
import { cutMessage } from '../events/cut-message.ts'
import { executionStatus } from '../wire.ts'
import type { BoardExecution } from './board.ts'

const MAX_ERROR = 500

interface Facts {
  notes: string | null
  transfer: string | null
  instance: string | null
  task: string | null
  error: string | null
}

/**
 * One line of the log for an execution that ended badly: what it was of and its first error, for operators who watch logs alone. It is written before
 * the transaction commits, and so a second time when that is repeated.
 */
export async function logFailure(
  log: Log,
  trx: Transaction<Database>,
  { id, actionId, kind, number, state }: BoardExecution,
): Promise<void> {
  const found = await sql<Facts>`
    select coalesce(transfer.notes, deployment.notes, pool.name) as notes, coalesce(transfer.id, deployment.transfer_id) as transfer,
      first.instance, first.type as task, first.reason as error
    from actions action
    left join transfers transfer on transfer.id = action.id
    left join deployments deployment on deployment.id = action.id
    left join minion_pools pool on pool.id = action.id
    left join lateral (select instance, type, reason from tasks where execution_id = ${id} and reason is not null
      order by state not in ('failed', 'unplaced'), idx limit 1) first on true
    where action.id = ${actionId}`.execute(trx)
  const { error = null, ...facts } = found.rows[0] ?? {}
  const of = kind === 'deployment' ? { deployment: actionId } : kind.startsWith('minion_pool_') ? { pool: actionId } : {}
  const told = { ...of, execution: id, kind, number, status: executionStatus(state), ...facts }
  log.warn({ ...told, error: error === null ? null : cutMessage(error, MAX_ERROR) }, 'an execution failed')
}
