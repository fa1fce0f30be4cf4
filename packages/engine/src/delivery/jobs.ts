import type { Kysely } from 'kysely'
import { fromKysely, type Job, type PgBoss } from 'pg-boss'
import type { Database } from '@instar/store'

/** Wakes workers: the payload is the queue's name. */
export const WORK_CHANNEL = 'instar_work'

/** No step has a time limit of the queue's: it lives as long as its worker gives signs of life. (send() takes at most a day, insert() any number.) */
const TEN_YEARS_SECONDS = 10 * 365 * 86_400
const RETRY_LIMIT = 1_000_000

/** A task that is to be delivered. */
export interface Delivery {
  readonly taskId: string
  readonly queue: string
  readonly jobId: string
  readonly delayMs?: number
}

/** A job as it was fetched: pg-boss refuses to settle it once it went to somebody else. */
export interface FetchedJob {
  readonly id: string
  readonly taskId: string
  readonly queue: string
  readonly retryCount: number
}

/** Sends in the transaction: the jobs are there when it commits. Waking the workers is the caller's. */
export async function sendJobs(boss: PgBoss, trx: Kysely<Database>, deliveries: readonly Delivery[]): Promise<void> {
  for (const [queue, jobs] of Map.groupBy(deliveries, delivery => delivery.queue)) {
    const inserts = jobs.map(({ jobId, taskId, delayMs = 0 }) => ({
      id: jobId,
      data: { taskId },
      expireInSeconds: TEN_YEARS_SECONDS,
      retentionSeconds: TEN_YEARS_SECONDS,
      retryLimit: RETRY_LIMIT,
      ...(delayMs === 0 ? {} : { startAfter: `${delayMs} milliseconds` }),
    }))
    await boss.insert(queue, inserts, { db: fromKysely(trx) })
  }
}

export async function fetchJobs(boss: PgBoss, trx: Kysely<Database>, queue: string, limit: number): Promise<FetchedJob[]> {
  const jobs: Job<{ taskId: string }>[] = await boss.fetch(queue, { batchSize: limit, db: fromKysely(trx) })
  return jobs.map(({ id, data: { taskId }, retryCount }) => ({ id, taskId, queue, retryCount }))
}

/** Removes jobs that are done or stand for nothing any more. Deleted and not completed: what became of the work is told by our tables. */
export async function dropJobs(boss: PgBoss, trx: Kysely<Database>, jobs: readonly FetchedJob[]): Promise<void> {
  for (const [queue, inQueue] of Map.groupBy(jobs, job => job.queue)) {
    await boss.deleteJob(queue, [...inQueue], { db: fromKysely(trx) })
  }
}

/** Removes a job whoever has it now. */
export async function dropJob(boss: PgBoss, trx: Kysely<Database>, queue: string, jobId: string): Promise<void> {
  await boss.deleteJob(queue, jobId, { db: fromKysely(trx) })
}

/** Gives a sign of life for each job; answers the ids of those that are still ours. */
export async function touchJobs(boss: PgBoss, db: Kysely<Database>, jobs: readonly FetchedJob[]): Promise<Set<string>> {
  const ours = new Set<string>()
  for (const [queue, inQueue] of Map.groupBy(jobs, job => job.queue)) {
    const { settled } = (await boss.touch(queue, [...inQueue], { db: fromKysely(db) })) as { settled?: string[] }
    for (const id of settled ?? []) ours.add(id)
  }
  return ours
}
