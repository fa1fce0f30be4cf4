import { sql, type Transaction } from 'kysely'
import type { Database } from '@instar/store'
import type { Delivery } from '../delivery/jobs.ts'
import type { EngineLimits } from '../engine.ts'

export interface Candidate {
  readonly id: string
  readonly projectId: string
  readonly endpoints: readonly string[]
}

/**
 * Which of these tasks may be delivered now without passing a limit; the others stay pending without a job. Whoever is `leaving` does not count any
 * more. The keys that count are locked until the transaction ends, so that two transactions never give away the same place; in one order, so that it is
 * called once for all that follows from an event: two that held a key each and wanted the other's would wait for each other.
 */
export async function admit<T extends Candidate>(
  trx: Transaction<Database>,
  limits: EngineLimits,
  candidates: readonly T[],
  leaving: readonly Candidate[] = [],
): Promise<T[]> {
  const limitOf = (key: string) => (key.startsWith('project:') ? limits.perProject : limits.perEndpoint)
  const keysOf = ({ projectId, endpoints }: Candidate) =>
    [`project:${projectId}`, ...endpoints.map(id => `endpoint:${id}`)].filter(key => limitOf(key) !== undefined)
  const keys = [...new Set(candidates.flatMap(keysOf))].sort()
  const used = new Map<string, number>()
  for (const key of keys) {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`instar limit ${key}`}, 0))`.execute(trx)
    used.set(key, await countAtWork(trx, key, leaving))
  }
  return candidates.filter(candidate => {
    const own = keysOf(candidate)
    if (own.some(key => (used.get(key) ?? 0) >= (limitOf(key) ?? Infinity))) return false
    for (const key of own) used.set(key, (used.get(key) ?? 0) + 1)
    return true
  })
}

async function countAtWork(trx: Transaction<Database>, key: string, leaving: readonly Candidate[]): Promise<number> {
  const id = key.slice(key.indexOf(':') + 1)
  const belongs = key.startsWith('project:') ? sql`project_id = ${id}` : sql`endpoints @> array[${id}::uuid]`
  const { rows } = await sql<{ n: number }>`select count(*) as n from tasks
    where state in ('pending', 'running', 'cancelling') and job_id is not null and ${belongs}
      and id <> all(${leaving.map(({ id }) => id)}::uuid[])`.execute(trx)
  return rows[0]?.n ?? 0
}

export interface WaitingTask extends Candidate {
  readonly queue: string
}

/** How many waiting tasks are looked at for the places that one task's end has freed. */
const LOOK_AHEAD = 50

/**
 * The longest waiting tasks that may take the places of those that are `leaving`; none of `except`. Locked, so that nobody else delivers them too. Where
 * nothing is limited nothing waits.
 */
export async function findWaiting(
  trx: Transaction<Database>,
  limits: EngineLimits,
  { leaving, except }: { readonly leaving: readonly Candidate[]; readonly except: readonly string[] },
): Promise<WaitingTask[]> {
  if ((limits.perEndpoint === undefined && limits.perProject === undefined) || leaving.length === 0) return []
  const endpoints = [...new Set(leaving.flatMap(task => task.endpoints))]
  const projects = [...new Set(leaving.map(task => task.projectId))]
  const { rows } = await sql<{ id: string; project_id: string; endpoints: string[]; queue: string }>`
    select id, project_id, endpoints, queue from tasks
    where state = 'pending' and job_id is null and (endpoints && ${endpoints}::uuid[] or project_id = any(${projects}::text[]))
      and id <> all(${except}::uuid[])
    order by pending_at limit ${LOOK_AHEAD} for no key update skip locked`.execute(trx)
  return rows.map(({ id, project_id: projectId, endpoints, queue }) => ({ id, projectId, endpoints, queue }))
}

/** Makes up a job for each of these tasks, which the caller sends. */
export async function assignJobs(
  trx: Transaction<Database>,
  tasks: readonly { readonly id: string; readonly queue: string }[],
  newId: () => string,
): Promise<Delivery[]> {
  if (tasks.length === 0) return []
  const deliveries = tasks.map(({ id, queue }) => ({ taskId: id, queue, jobId: newId() }))
  const taskIds = deliveries.map(({ taskId }) => taskId)
  await sql`update tasks t set job_id = d.job_id from unnest(${taskIds}::uuid[], ${deliveries.map(({ jobId }) => jobId)}::uuid[]) as d (id, job_id)
    where t.id = d.id`.execute(trx)
  return deliveries
}
