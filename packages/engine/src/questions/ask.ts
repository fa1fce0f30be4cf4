import { setTimeout as sleep } from 'node:timers/promises'
import { jsonText } from '@instar/store'
import { InstarError } from '@instar/contract'
import { capabilityName, describeNeeds, fits, normalize, type Offer } from '../delivery/requirements.ts'
import type { Question } from '../engine.ts'
import type { EngineParts } from '../parts.ts'
import { knownOffers, presentOffers } from '../worker/registration.ts'
import { ANSWERS_CHANNEL, openAnswer, QUESTIONS_CHANNEL } from './question-row.ts'

const ANSWER_TIMEOUT_MS = 60_000
/** How long a fitting worker is looked for. */
const WORKER_TIMEOUT_MS = 10_000
/** How often is looked without having been told. */
const LOOK_MS = 2_000

/** Asks and waits: one subscription serves all questions of the process. */
export class Asker implements Disposable {
  readonly #parts: EngineParts
  readonly #waiting = new Map<string, () => void>()
  #subscription: Promise<Disposable> | undefined

  constructor(parts: EngineParts) {
    this.#parts = parts
  }

  /** See `Engine.ask`. */
  async ask(question: Question): Promise<unknown> {
    const { store, newId } = this.#parts
    await (this.#subscription ??= store.listen(ANSWERS_CHANNEL, id => this.#deliver(id)))
    const offers = await knownOffers(store.db)
    requireSupport(question, offers)
    // One that is away may come back in time; where some are there and none has ever had this provider, nobody needs to wait.
    if (offers.some(offer => offer.isPresent) && !offers.some(offer => fits(question.requires, offer))) throw noWorker(question)
    const id = newId()
    const requires = normalize(question.requires)
    try {
      const answered = this.#wait(id)
      await store.db.transaction().execute(async trx => {
        const body = store.vault.seal(question.body ?? null, `questions:${id}:body`)
        const row = { id, project_id: question.projectId, kind: question.kind, requires: jsonText(requires), body }
        await trx.insertInto('questions').values(row).execute()
        await store.notify(trx, QUESTIONS_CHANNEL, id)
      })
      return await this.#read(id, question, answered)
    } finally {
      this.#waiting.delete(id)
      await store.db
        .deleteFrom('questions')
        .where('id', '=', id)
        .execute()
        // It is swept away later.
        .catch(() => undefined)
    }
  }

  [Symbol.dispose](): void {
    void this.#subscription?.then(subscription => subscription[Symbol.dispose]())
  }

  #wait(id: string): () => Promise<void> {
    let next = Promise.withResolvers<void>()
    this.#waiting.set(id, () => next.resolve())
    return async () => {
      await next.promise
      next = Promise.withResolvers<void>()
    }
  }

  #deliver(id: string | undefined): void {
    if (id !== undefined) this.#waiting.get(id)?.()
    else for (const wake of this.#waiting.values()) wake()
  }

  async #read(id: string, question: Question, answered: () => Promise<void>): Promise<unknown> {
    const { store } = this.#parts
    const began = performance.now()
    for (;;) {
      await Promise.race([answered(), sleep(LOOK_MS, undefined, { signal: question.signal, ref: false })])
      question.signal.throwIfAborted()
      const row = await store.db.selectFrom('questions').select(['answer', 'worker_id']).where('id', '=', id).executeTakeFirst()
      if (row?.answer) return this.#take(id, row.answer)
      const elapsedMs = performance.now() - began
      if (elapsedMs > WORKER_TIMEOUT_MS && row?.worker_id === null) await this.#requireWorker(question)
      if (elapsedMs > ANSWER_TIMEOUT_MS || row === undefined)
        throw new InstarError('engine.no-answer', `no worker answered the question ${question.kind} within ${ANSWER_TIMEOUT_MS / 1000} s`)
    }
  }

  #take(id: string, sealed: Buffer): unknown {
    const answer = openAnswer(this.#parts.store.vault, id, sealed)
    if (answer.ok) return answer.value
    const { code, message, hint, details } = answer
    throw new InstarError(code, message, { ...(hint === undefined ? {} : { hint }), ...(details === undefined ? {} : { details }) })
  }

  async #requireWorker(question: Question): Promise<void> {
    const offers = await presentOffers(this.#parts.store.db)
    if (!offers.some(offer => fits(question.requires, offer))) throw noWorker(question)
  }
}

function noWorker({ kind, requires }: Question): InstarError {
  return new InstarError('engine.no-worker', `no worker that is up and enabled can answer ${kind} for ${describeNeeds(requires)}`)
}

/** Where workers have the platform, and on none it can do this, another worker would not help. */
function requireSupport({ requires }: Question, offers: readonly Offer[]): void {
  for (const { platform, capability } of requires) {
    const known = offers.flatMap(({ providers }) => providers[platform] ?? [])
    if (known.length > 0 && !known.some(({ types }) => types.includes(capability)))
      throw new InstarError('provider.unsupported', `the platform ${platform} does not offer: ${capabilityName(capability)}`)
  }
}
