import { sql, type Transaction } from 'kysely'
import type { Database } from '@instar/store'
import { sendJobs, WORK_CHANNEL } from '../delivery/jobs.ts'
import type { EngineLimits } from '../engine.ts'
import type { EngineParts } from '../parts.ts'

/** Tells workers that a task may wait for a place under a limit, or that one may be free. */
export const PLACES_CHANNEL = 'instar_places'

/** Waiting tasks that one transaction looks at. */
const LOOK_AHEAD = 200
/** Any number that nothing else in the database locks. */
const LOCK_KEY = 4_711_010_503

export function isLimited({ perEndpoint, perProject }: EngineLimits): boolean {
  return perEndpoint !== undefined || perProject !== undefined
}

/**
 * Gives places under the limits to tasks that wait for one, who waits longest first. In transactions of its own, which lock waiting tasks and nothing
 * else, and pass over those that somebody has locked: whoever ends a step and decides about pools holds other rows, and would wait here in a circle.
 */
export class Admission {
  readonly #parts: Omit<EngineParts, 'admission'>
  #looking: Promise<void> | undefined
  #isAsked = false

  constructor(parts: Omit<EngineParts, 'admission'>) {
    this.#parts = parts
  }

  /** What is asked for while it looks is found by the next look. */
  look(): void {
    if (!isLimited(this.#parts.limits)) return
    this.#isAsked = true
    this.#looking ??= this.#lookOn().finally(() => (this.#looking = undefined))
  }

  /** Resolves when it does not look any more. */
  async idle(): Promise<void> {
    await this.#looking
  }

  /** Also where nothing is limited (any more). */
  async admitAll(): Promise<void> {
    while (await this.#parts.store.db.transaction().execute(trx => this.#admitSome(trx)));
  }

  async #lookOn(): Promise<void> {
    while (this.#isAsked) {
      this.#isAsked = false
      // The next sweep looks again.
      await this.admitAll().catch((error: unknown) => this.#parts.log.warn({ error }, 'waiting tasks could not be given places'))
    }
  }

  /** Answers whether more may be waiting for places that are free. */
  async #admitSome(trx: Transaction<Database>): Promise<boolean> {
    const { boss, store, limits, newId } = this.#parts
    // One at a time, so that no place is given away twice; the next one sees what this one has saved.
    await sql`select pg_advisory_xact_lock(${LOCK_KEY})`.execute(trx)
    const places = new Places(limits, isLimited(limits) ? await countAtWork(trx) : new Map())
    const waiting = await readWaiting(trx, places.full)
    const deliveries = waiting.filter(task => places.take(task)).map(({ id, queue }) => ({ taskId: id, queue, jobId: newId() }))
    if (deliveries.length === 0) return false
    await sql`update tasks t set job_id = d.job_id
      from unnest(${deliveries.map(({ taskId }) => taskId)}::uuid[], ${deliveries.map(({ jobId }) => jobId)}::uuid[]) as d (id, job_id)
      where t.id = d.id`.execute(trx)
    await sendJobs(boss, trx, deliveries)
    for (const queue of new Set(deliveries.map(delivery => delivery.queue))) await store.notify(trx, WORK_CHANNEL, queue)
    return waiting.length === LOOK_AHEAD
  }
}

interface WaitingTask {
  readonly id: string
  readonly queue: string
  readonly projectId: string
  readonly endpoints: readonly string[]
}

/** How many tasks are at work for each project and endpoint. */
class Places {
  readonly #limits: EngineLimits
  readonly #atWork: Map<string, number>

  constructor(limits: EngineLimits, atWork: Map<string, number>) {
    this.#limits = limits
    this.#atWork = atWork
  }

  /** The keys without a free place. */
  get full(): string[] {
    return [...this.#atWork.keys()].filter(key => this.#isFull(key))
  }

  /** Whether there was a place for the task, which it then has. */
  take({ projectId, endpoints }: WaitingTask): boolean {
    const keys = [`project:${projectId}`, ...endpoints.map(id => `endpoint:${id}`)]
    if (keys.some(key => this.#isFull(key))) return false
    for (const key of keys) this.#atWork.set(key, (this.#atWork.get(key) ?? 0) + 1)
    return true
  }

  #isFull(key: string): boolean {
    const { perProject = Infinity, perEndpoint = Infinity } = this.#limits
    return (this.#atWork.get(key) ?? 0) >= (key.startsWith('project:') ? perProject : perEndpoint)
  }
}

async function countAtWork(trx: Transaction<Database>): Promise<Map<string, number>> {
  const { rows } = await sql<{ key: string; n: number }>`
    with at_work as (select project_id, endpoints from tasks where state in ('pending', 'running', 'cancelling') and job_id is not null)
    select 'project:' || project_id as key, count(*) as n from at_work group by project_id
    union all select 'endpoint:' || endpoint, count(*) from at_work, unnest(endpoints) as endpoint group by endpoint`.execute(trx)
  return new Map(rows.map(({ key, n }) => [key, n]))
}

/** The longest waiting tasks, none of which wants a place where there is none: behind those the others would never be seen. */
async function readWaiting(trx: Transaction<Database>, full: readonly string[]): Promise<WaitingTask[]> {
  const { rows } = await sql<{ id: string; queue: string; project_id: string; endpoints: string[] }>`
    select id, queue, project_id, endpoints from tasks where state = 'pending' and job_id is null
      and 'project:' || project_id <> all(${full}::text[])
      and not exists (select 1 from unnest(endpoints) as endpoint where 'endpoint:' || endpoint = any(${full}::text[]))
    order by pending_at, idx limit ${LOOK_AHEAD} for no key update skip locked`.execute(trx)
  return rows.map(({ project_id: projectId, ...task }) => ({ ...task, projectId }))
}
