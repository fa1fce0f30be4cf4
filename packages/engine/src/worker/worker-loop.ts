import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract'
import { isTransientDatabaseError } from '@instar/store'
import { touchJobs, WORK_CHANNEL } from '../delivery/jobs.ts'
import { EVENTS_CHANNEL } from '../events/write-events.ts'
import { finishAttempt, type Outcome } from '../execution/finish.ts'
import type { EngineParts } from '../parts.ts'
import { claimTasks } from './claim.ts'
import { beat, readOffer } from './registration.ts'
import { RunningStep, STOP_GRACE_MS, type StopReason } from './running-step.ts'
import type { StepDefinition } from './step.ts'
import type { WorkerOptions } from './worker.ts'

const DEFAULT_STEPS = 16
/** Taken at once from a queue, so that workers share what comes in a flood. */
const MAX_BATCH = 4
/** Looks for work without having been told: delayed and redelivered jobs announce themselves to nobody. */
const POLL_MS = 1_000
const BEAT_MS = 2_000
/** Without a sign of life for so long this worker must take its steps for lost: others take them over after HEARTBEAT_SECONDS. */
const LEASE_MS = 8_000
/** How long the outcomes of the last steps may take to be saved at the worker's end. */
const FINISH_TIMEOUT_MS = 10_000

/** Claims tasks and runs them until it is told to end. */
export class WorkerLoop {
  readonly #parts: EngineParts
  readonly #options: WorkerOptions
  readonly #workerId: string
  readonly #running = new Map<string, RunningStep>()
  /** Queues that we fit, and those of them that may hold work. */
  #fitting: ReadonlySet<string> = new Set()
  readonly #promising = new Set<string>()
  #pumping: Promise<void> | undefined
  #lastSignOfLife = performance.now()
  readonly #broken = Promise.withResolvers<never>()
  readonly #stuck = new Set<RunningStep>()
  readonly #steps: Readonly<Partial<Record<string, StepDefinition>>>
  #isEnding = false
  /** The last look at a queue failed: the next poll tries again. */
  #isAway = false

  constructor(parts: EngineParts, options: WorkerOptions, workerId: string) {
    this.#parts = parts
    this.#options = options
    this.#workerId = workerId
    this.#steps = options.steps
    // Awaited only while the loop runs.
    this.#broken.promise.catch(() => undefined)
  }

  /** Returns when `signal` was aborted and all steps are handed over; throws `engine.step-stuck` when a step does not stop. */
  async run(signal: AbortSignal): Promise<void> {
    const stopping = new AbortController()
    const loops = Promise.all([
      this.#every(BEAT_MS, () => this.#beat(), stopping.signal),
      this.#every(POLL_MS, () => this.#poll(), stopping.signal),
    ])
    try {
      await Promise.race([abortOf(signal), this.#broken.promise])
    } catch (error) {
      this.#parts.log.error({ error }, 'the worker ends')
    }
    await this.#end()
    stopping.abort()
    await loops
    if (this.#stuck.size > 0) await this.#broken.promise
  }

  /** Work may have come to this queue; `undefined`: to any. */
  wake(queue: string | undefined): void {
    if (this.#isEnding) return
    if (queue === undefined) for (const each of this.#fitting) this.#promising.add(each)
    else if (this.#fitting.has(queue)) this.#promising.add(queue)
    this.#resume()
  }

  /** Finds out again which queues we fit. */
  async refresh(): Promise<void> {
    try {
      const offer = await readOffer(this.#parts.store.db, this.#workerId, this.#options.providers)
      this.#fitting = new Set(offer === undefined ? [] : await this.#parts.queues.fitting(this.#parts.store.db, offer))
    } catch (error) {
      return this.#tellAway(error)
    }
    this.wake(undefined)
  }

  /** Looks whether steps of an execution, or with `undefined` any, are cancelled or not ours any more. */
  async look(executionId: string | undefined): Promise<void> {
    const steps = [...this.#running.values()].filter(({ claim }) => executionId === undefined || claim.executionId === executionId)
    if (steps.length === 0) return
    try {
      const ids = steps.map(({ claim }) => claim.taskId)
      const rows = await this.#parts.store.db.selectFrom('tasks').select(['id', 'state', 'attempt']).where('id', 'in', ids).execute()
      const byId = new Map(rows.map(row => [row.id, row]))
      for (const step of steps) {
        const row = byId.get(step.claim.taskId)
        const isOurs = row?.attempt === step.claim.attempt && (row.state === 'running' || row.state === 'cancelling')
        if (!isOurs) this.#stop(step, 'lost')
        else if (row.state === 'cancelling') this.#stop(step, 'cancelled')
      }
    } catch (error) {
      this.#tellAway(error)
    }
  }

  #resume(): void {
    if (this.#promising.size > 0 && this.#free > 0 && !this.#isEnding) this.#pumping ??= this.#pump().finally(() => this.#afterPump())
  }

  /** A queue that was named while the pump was on its way out must not wait for the next poll. */
  #afterPump(): void {
    this.#pumping = undefined
    if (!this.#isAway) this.#resume()
  }

  get #free(): number {
    return (this.#options.limits?.steps ?? DEFAULT_STEPS) - this.#running.size
  }

  async #pump(): Promise<void> {
    while (!this.#isEnding && this.#free > 0) {
      const [queue] = this.#promising
      if (queue === undefined) return
      this.#promising.delete(queue)
      const limit = Math.min(this.#free, MAX_BATCH)
      const claimer = { workerId: this.#workerId, host: this.#options.host }
      try {
        this.#isAway = false
        const claims = await this.#parts.store.db.transaction().execute(trx => claimTasks(this.#parts, trx, claimer, { queue, limit }))
        if (claims.length === limit) this.#promising.add(queue)
        for (const { task } of claims) this.#parts.announcer.announce(EVENTS_CHANNEL, task.projectId)
        for (const claim of claims) this.#begin(new RunningStep(this.#parts, claim, this.#steps[claim.task.type]))
      } catch (error) {
        this.#isAway = true
        return this.#tellAway(error)
      }
    }
  }

  #begin(step: RunningStep): void {
    const { taskId } = step.claim
    // Given up for lost and delivered to us again: the earlier attempt still runs here.
    const earlier = this.#running.get(taskId)
    if (earlier !== undefined) this.#stop(earlier, 'lost')
    this.#running.set(taskId, step)
    void this.#runToEnd(step).finally(() => {
      if (this.#running.get(taskId) === step) this.#running.delete(taskId)
      this.#resume()
    })
    if (this.#isEnding) this.#stop(step, 'worker-ends')
  }

  async #runToEnd(step: RunningStep): Promise<void> {
    const outcome = await step.run()
    if (outcome === undefined) return
    try {
      await this.#save(step, outcome)
    } catch (error) {
      // The queue delivers the task again, and its next attempt finds what was done.
      this.#parts.log.error({ error, task: step.claim.taskId, outcome: outcome.kind }, 'the end of a step could not be saved')
    }
  }

  async #save(step: RunningStep, outcome: Outcome): Promise<void> {
    // While the worker runs there is no limit: the attempt's number decides whether the result still counts.
    const signal = this.#isEnding ? AbortSignal.timeout(FINISH_TIMEOUT_MS) : new AbortController().signal
    const finished = await this.#parts.store.transact(trx => finishAttempt(this.#parts, trx, step.claim, outcome), signal)
    this.#parts.admission.look()
    if (finished.kind === 'stale') return
    const { announcer } = this.#parts
    for (const queue of finished.news.queues) {
      this.wake(queue)
      announcer.announce(WORK_CHANNEL, queue)
    }
    announcer.announce(EVENTS_CHANNEL, finished.news.projectId)
  }

  #stop(step: RunningStep, reason: StopReason): void {
    if (step.stop(reason)) void this.#watch(step)
  }

  async #watch(step: RunningStep): Promise<void> {
    if (await step.hasStopped()) return
    this.#stuck.add(step)
    const { type, instance } = step.claim.task
    this.#broken.reject(
      new InstarError('engine.step-stuck', `${type} of ${instance} (task ${step.claim.taskId}) did not stop when it was told to`),
    )
  }

  async #beat(): Promise<void> {
    const began = performance.now()
    try {
      await beat(this.#parts.store.db, this.#workerId)
      const steps = [...this.#running.values()]
      const ours = await touchJobs(
        this.#parts.boss,
        this.#parts.store.db,
        steps.map(({ claim }) => claim.job),
      )
      this.#lastSignOfLife = began
      // A job may be another worker's before the attempt rises in our table, which only its claim does.
      for (const step of steps) if (!ours.has(step.claim.job.id)) this.#stop(step, 'lost')
      await this.look(undefined)
      await this.refresh()
    } catch (error) {
      this.#tellAway(error)
    }
  }

  /** Not part of the beat, which hangs when the database does. */
  #poll(): void {
    this.wake(undefined)
    if (performance.now() - this.#lastSignOfLife > LEASE_MS) for (const step of this.#running.values()) this.#stop(step, 'lost')
  }

  async #every(ms: number, work: () => Promise<void> | void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await work()
      await sleep(ms, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Hands over what runs. The beats go on meanwhile, so that nobody takes a step over that is still being saved. */
  async #end(): Promise<void> {
    this.#isEnding = true
    await this.#pumping
    for (const step of this.#running.values()) this.#stop(step, 'worker-ends')
    const deadline = performance.now() + STOP_GRACE_MS + FINISH_TIMEOUT_MS
    while ([...this.#running.values()].some(step => !this.#stuck.has(step)) && performance.now() < deadline) await sleep(10)
  }

  #tellAway(error: unknown): void {
    const text = isTransientDatabaseError(error)
      ? 'the database is away; the worker goes on when it is back'
      : 'the worker met an error; it goes on'
    this.#parts.log.warn({ error }, text)
  }
}

function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
