import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { InstarError } from '@instar/contract'
import type { Requirement } from '@instar/store'
import { fits, type Offer } from '../delivery/requirements.ts'
import type { EngineParts } from '../parts.ts'
import { readOffer } from '../worker/registration.ts'
import type { WorkerOptions } from '../worker/worker.ts'
import { ANSWERS_CHANNEL, QUESTIONS_CHANNEL, sealAnswer, type SealedAnswer } from './question-row.ts'

const DEFAULT_QUESTIONS = 16
/** Looks for questions without having been told. */
const POLL_MS = 2_000
/** The asker gives up then. */
const ANSWER_TIMEOUT_MS = 60_000

interface QuestionRow {
  id: string
  project_id: string
  kind: string
  requires: Requirement[]
  body: Buffer | null
}

/** Answers the questions that this worker fits, until `signal` aborts. */
export async function answerQuestions(parts: EngineParts, options: WorkerOptions, workerId: string, signal: AbortSignal): Promise<void> {
  const running = new Set<Promise<void>>()
  const isFree = () => running.size < (options.limits?.questions ?? DEFAULT_QUESTIONS)
  const take = async (id: string | undefined): Promise<void> => {
    if (signal.aborted || !isFree()) return
    const offer = await readOffer(parts.store.db, workerId, options.providers)
    const rows = offer === undefined ? [] : await openQuestions(parts, id)
    for (const row of rows.filter(row => offer !== undefined && canAnswer(row, offer, options))) {
      if (!isFree()) return
      if (!(await claim(parts, row.id, workerId))) continue
      const answering = answer(parts, options, row).finally(() => {
        const wasFull = !isFree()
        running.delete(answering)
        // Others may wait that came while all places were taken.
        if (wasFull) void takeQuietly(undefined)
      })
      running.add(answering)
    }
  }
  const takeQuietly = (id: string | undefined): Promise<void> =>
    take(id).catch((error: unknown) => parts.log.warn({ error }, 'questions could not be looked at; they are again soon'))
  using _subscription = await parts.store.listen(QUESTIONS_CHANNEL, id => void takeQuietly(id))
  while (!signal.aborted) {
    await takeQuietly(undefined)
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined)
  }
  await Promise.all(running)
}

function canAnswer({ kind, requires }: QuestionRow, offer: Offer, options: WorkerOptions): boolean {
  return options.questions?.[kind] !== undefined && fits(requires, offer)
}

async function openQuestions({ store }: EngineParts, id: string | undefined): Promise<QuestionRow[]> {
  const open = store.db.selectFrom('questions').select(['id', 'project_id', 'kind', 'requires', 'body']).where('worker_id', 'is', null)
  return id === undefined ? open.orderBy('created_at').limit(100).execute() : open.where('id', '=', id).execute()
}

async function claim({ store }: EngineParts, id: string, workerId: string): Promise<boolean> {
  const { numUpdatedRows } = await store.db
    .updateTable('questions')
    .set({ worker_id: workerId, taken_at: sql`now()` })
    .where('id', '=', id)
    .where('worker_id', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

async function answer(parts: EngineParts, options: WorkerOptions, row: QuestionRow): Promise<void> {
  const { store, log } = parts
  const given = await ask(parts, options, row)
  try {
    await store.transact(async trx => {
      const sealed = sealAnswer(store.vault, row.id, given)
      // The body is not needed any more, whatever becomes of the row.
      await trx.updateTable('questions').set({ answer: sealed, body: null }).where('id', '=', row.id).execute()
      await store.notify(trx, ANSWERS_CHANNEL, row.id)
    }, AbortSignal.timeout(ANSWER_TIMEOUT_MS))
  } catch (error) {
    log.warn({ error, question: row.kind }, 'an answer could not be saved')
  }
}

async function ask(parts: EngineParts, options: WorkerOptions, row: QuestionRow): Promise<SealedAnswer> {
  const { store, log } = parts
  try {
    const body = row.body === null ? null : store.vault.open(row.body, `questions:${row.id}:body`)
    const context = { projectId: row.project_id, signal: AbortSignal.any([options.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]), log }
    return { ok: true, value: (await options.questions?.[row.kind]?.(body, context)) ?? null }
  } catch (error) {
    if (error instanceof InstarError)
      return { ok: false, code: error.code, message: error.message, hint: error.hint, details: error.details }
    log.error({ error, question: row.kind }, 'a provider failed in an unexpected way')
    return { ok: false, code: 'provider.failed', message: error instanceof Error ? error.message : String(error) }
  }
}
