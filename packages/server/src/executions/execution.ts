import { EXECUTION_TYPES, type Execution } from '@instar/contract/api'
import type { Db } from '../api-deps.ts'
import { notFound, rowId } from '../lists/row.ts'
import { executionObjects, type ExecutionRow } from './execution-object.ts'

export interface ExecutionId {
  readonly transferId: string
  readonly projectId: string
  readonly id: string
}

/** Throws `api.not-found`. */
export async function requireExecution(db: Db, { transferId, projectId, id }: ExecutionId): Promise<ExecutionRow> {
  const row = await db
    .selectFrom('executions')
    .selectAll()
    .where('id', '=', rowId(id))
    .where('action_id', '=', rowId(transferId))
    .where('project_id', '=', projectId)
    .where('kind', '<>', 'deployment')
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (row === undefined) throw notFound('execution', `${id} of transfer ${transferId}`)
  return row
}

/** One of a transfer or deployment. Throws `api.not-found`. */
export async function findExecutionObject(db: Db, projectId: string, id: string): Promise<Execution> {
  const row = await db
    .selectFrom('executions')
    .selectAll()
    .where('id', '=', rowId(id))
    .where('project_id', '=', projectId)
    .where('kind', 'in', EXECUTION_TYPES)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (row === undefined) throw notFound('execution', id)
  const [execution] = await executionObjects(db, [row])
  return execution!
}

export async function requireExecutionObject(db: Db, of: ExecutionId): Promise<Execution> {
  const [execution] = await executionObjects(db, [await requireExecution(db, of)])
  return execution!
}
