import { setTimeout as sleep } from 'node:timers/promises'
import { sql, type Transaction } from 'kysely'
import type { Database } from '@instar/store'
import { describeNeeds, fits } from '../delivery/requirements.ts'
import { freeAssigned } from '../execution/assign.ts'
import { applyEvent, notifyOf } from '../execution/apply.ts'
import { loadBoard } from '../execution/board.ts'
import type { EngineParts } from '../parts.ts'
import { presentOffers } from '../worker/registration.ts'

export interface SweepTimes {
  /** Between two sweeps. */
  readonly everyMs: number
  /** After a start, an outage of the database and a suspension of the machine, when all signs of life are old: workers get time to give one. */
  readonly settleMs: number
}

const TIMES: SweepTimes = { everyMs: 2_000, settleMs: 10_000 }
/** Who wakes so much later was suspended, or the clock was set: both make signs of life old. */
const LATE_MS = 5_000
/** Upstream looks five times, two seconds apart. */
const UNPLACED_AFTER_MS = 10_000
/** An answer that nobody read in that time is not read any more. */
const QUESTION_LIFE_MS = 120_000
/** Any number that nothing else in the database locks. */
const LOCK_KEY = 4_711_010_502

/** Every other second one of all processes looks for what nobody else notices. */
export function startSweeping(parts: EngineParts, times = TIMES): AsyncDisposable {
  const stopping = new AbortController()
  const running = run(parts, times, stopping.signal)
  return {
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      await running
    },
  }
}

async function run(parts: EngineParts, { everyMs, settleMs }: SweepTimes, signal: AbortSignal): Promise<void> {
  let restMs = settleMs
  while (!signal.aborted) {
    const due = Date.now() + restMs
    await sleep(restMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    const isLate = Date.now() > due + LATE_MS
    restMs = !isLate && (await sweepUnlessAway(parts, signal)) ? everyMs : settleMs
  }
}

/** False when the database was away; it is back then. */
async function sweepUnlessAway(parts: EngineParts, signal: AbortSignal): Promise<boolean> {
  try {
    await sweep(parts)
    return true
  } catch (error) {
    if (signal.aborted) return false
    parts.log.warn({ error }, 'a sweep failed; the next one comes')
    await parts.store.retry(() => sql`select 1`.execute(parts.store.db), signal).catch(() => undefined)
    return false
  }
}

/** One sweep: questions that nobody waits for, tasks that a limit held back for no reason, tasks that no worker can take. */
export async function sweep(parts: EngineParts): Promise<void> {
  await alone(parts, async trx => {
    await sql`delete from questions where created_at < now() - ${QUESTION_LIFE_MS} * interval '1 millisecond'`.execute(trx)
  })
  // In transactions of their own, while this one keeps other processes from doing the same, and holds nothing else that those could wait for.
  await alone(parts, async () => {
    await parts.admission.admitAll()
    await freeAssigned(parts)
    await giveUpUnplaced(parts)
  })
}

/** Unless another process is at it. */
async function alone(parts: EngineParts, work: (trx: Transaction<Database>) => Promise<void>): Promise<void> {
  await parts.store.db.transaction().execute(async trx => {
    const { rows } = await sql<{ mine: boolean }>`select pg_try_advisory_xact_lock(${LOCK_KEY}) as mine`.execute(trx)
    if (rows[0]?.mine === true) await work(trx)
  })
}

async function giveUpUnplaced(parts: EngineParts): Promise<void> {
  const offers = await presentOffers(parts.store.db)
  const queues = await parts.store.db.selectFrom('queues').select(['name', 'requires']).execute()
  // Looked for by their queues: that thousands of tasks wait for one of many workers is nothing strange.
  const unserved = queues.filter(({ requires }) => !offers.some(offer => fits(requires, offer))).map(({ name }) => name)
  if (unserved.length === 0) return
  const unplaced = await parts.store.db
    .selectFrom('tasks')
    .select(['id', 'execution_id', 'requires', 'type'])
    .where('state', '=', 'pending')
    .where('queue', 'in', unserved)
    .where('worker_id', 'is', null)
    .where('job_id', 'is not', null)
    .where(sql<boolean>`pending_at < now() - ${UNPLACED_AFTER_MS} * interval '1 millisecond'`)
    .limit(1_000)
    .execute()
  for (const [executionId, tasks] of Map.groupBy(unplaced, task => task.execution_id)) {
    const [first] = tasks
    if (first === undefined) continue
    const reason = `no worker that is up and enabled offers ${describeNeeds(first.requires) || 'anything'}: ${first.type} could not be placed`
    await parts.store.db.transaction().execute(async trx => {
      const board = await loadBoard(trx, executionId)
      if (board?.tasks.find(({ id }) => id === first.id)?.state === 'pending')
        await notifyOf(parts, trx, await applyEvent(parts, trx, board, { kind: 'unplaced', taskId: first.id, reason }))
    })
  }
}
