import { sql, type Transaction } from 'kysely'
import { jsonText, type Database, type TaskRule, type TaskState } from '@instar/store'
import { dropJobs, fetchJobs, type FetchedJob } from '../delivery/jobs.ts'
import type { Info } from '../engine.ts'
import type { Attempt } from '../execution/finish.ts'
import { openInfo } from '../execution/info.ts'
import type { EngineParts } from '../parts.ts'
import { stepName } from '../events/task-event.ts'
import type { StepExecution, StepTask } from './step.ts'

/** A task that this worker has now, with all that its step needs. */
export interface Claim extends Attempt {
  readonly task: StepTask
  readonly execution: StepExecution
  readonly info: Info
  readonly rule: TaskRule
  readonly state: TaskState
  readonly retries: number
  /** How often a worker died under it. */
  readonly crashes: number
}

export interface Claimer {
  readonly workerId: string
  readonly host: string
}

interface Row {
  id: string
  execution_id: string
  project_id: string
  instance: string
  type: string
  rule: TaskRule
  state: TaskState
  attempt: number
  retries: number
  crashes: number
  job_id: string
  is_barrier: boolean
  kind: string
  number: number
  action_id: string
  user_id: string
  options: Record<string, unknown>
  instance_count: number
  info: Buffer | null
}

/**
 * Takes up to `limit` tasks from a queue, in one transaction: the job becomes ours in the queue, and the attempt rises in our table, so that the
 * result of whoever had the task before is refused. Jobs that stand for nothing any more are dropped.
 */
export async function claimTasks(
  parts: EngineParts,
  trx: Transaction<Database>,
  claimer: Claimer,
  { queue, limit }: { queue: string; limit: number },
): Promise<Claim[]> {
  const jobs = await fetchJobs(parts.boss, trx, queue, limit)
  if (jobs.length === 0) return []
  const byId = new Map(jobs.map(job => [job.id, job]))
  const rows = await claimRows(trx, jobs, claimer)
  const claimed = new Set(rows.map(row => row.job_id))
  await dropJobs(
    parts.boss,
    trx,
    jobs.filter(({ id }) => !claimed.has(id)),
  )
  await tellStarted(trx, rows)
  return rows.map(row => claimOf(parts, row, byId.get(row.job_id)!))
}

async function claimRows(trx: Transaction<Database>, jobs: readonly FetchedJob[], { workerId, host }: Claimer): Promise<Row[]> {
  // Who has a worker and is delivered again was left by one that died.
  // Locked in the order in which whoever holds their execution locks its tasks.
  const { rows } = await sql<Row>`
    with ours as materialized (
      select id from tasks
      where id = any(${jobs.map(({ taskId }) => taskId)}::uuid[]) and job_id = any(${jobs.map(({ id }) => id)}::uuid[])
        and state in ('pending', 'running', 'cancelling')
      order by execution_id, idx for no key update),
    claimed as (
      update tasks t set state = case when state = 'cancelling' then state else 'running' end, attempt = attempt + 1,
        crashes = crashes + (case when state <> 'pending' and worker_id is not null then 1 else 0 end),
        worker_id = ${workerId}, host = ${host}, process_id = ${process.pid}, started_at = coalesce(started_at, now()), updated_at = now()
      from ours where t.id = ours.id
      returning t.*)
    select c.id, c.execution_id, c.project_id, c.instance, c.type, c.rule, c.state, c.attempt, c.retries, c.crashes, c.job_id, c.is_barrier,
      e.kind, e.number, e.action_id, e.user_id, e.options, cardinality(a.instances) as instance_count, i.info
    from claimed c join executions e on e.id = c.execution_id join actions a on a.id = e.action_id
      left join action_instances i on i.action_id = a.id and i.instance = c.instance`.execute(trx)
  return rows
}

async function tellStarted(trx: Transaction<Database>, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0) return
  const events = rows.map(({ project_id, execution_id, instance, type }) => ({
    project_id,
    execution_id,
    body: { kind: 'step', instance, step: stepName(type), state: 'started' },
  }))
  await sql`insert into events (project_id, execution_id, body) select project_id, execution_id, body
    from jsonb_to_recordset(${jsonText(events)}::jsonb) as e (project_id text, execution_id uuid, body jsonb)`.execute(trx)
}

function claimOf(parts: EngineParts, row: Row, job: FetchedJob): Claim {
  const { id, execution_id: executionId, action_id: actionId, project_id: projectId, user_id: userId } = row
  const { type, instance, attempt, rule, state, retries, crashes, kind, number, options, instance_count: instanceCount } = row
  return {
    taskId: id,
    executionId,
    attempt,
    isBarrier: row.is_barrier,
    job,
    task: { id, type, instance, projectId, attempt },
    execution: { id: executionId, kind, number, actionId, userId, options, instanceCount },
    info: openInfo(parts.store.vault, { actionId, instance }, row.info),
    rule,
    state,
    retries,
    crashes,
  }
}
