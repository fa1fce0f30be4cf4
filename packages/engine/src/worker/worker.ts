import type { Log } from '@instar/contract'
import type { Store, WorkerProvider } from '@instar/store'
import type { EngineHooks, EngineLimits } from '../engine.ts'
import type { TaskType } from '../plans/task-types.ts'
import { QUEUES_CHANNEL } from '../delivery/queues.ts'
import { WORK_CHANNEL } from '../delivery/jobs.ts'
import { CANCEL_CHANNEL } from '../execution/apply.ts'
import { openParts } from '../open-parts.ts'
import { answerQuestions } from '../questions/answer.ts'
import { registerWorker, signOff, WORKERS_CHANNEL } from './registration.ts'
import type { StepDefinition } from './step.ts'
import { WorkerLoop } from './worker-loop.ts'

export interface WorkerOptions {
  readonly store: Store
  readonly log: Log
  /** How the services list names it; one process a name. */
  readonly host: string
  /** What it offers, by platform. */
  readonly providers: Readonly<Record<string, WorkerProvider>>
  /** `specs` of the service on the wire. */
  readonly specs?: Readonly<Record<string, unknown>>
  readonly steps: Readonly<Partial<Record<TaskType, StepDefinition>>>
  /** By the kind of the question. What they throw reaches the asker with its code. */
  readonly questions?: Readonly<Record<string, QuestionHandler>>
  readonly hooks?: EngineHooks
  readonly limits?: EngineLimits & {
    /** Steps at once in this process; 16 when absent. */
    readonly steps?: number
    /** Questions at once; 16 when absent. */
    readonly questions?: number
  }
  /** Aborted: no new work, the running steps are aborted and handed over, and `runWorker` returns. */
  readonly signal: AbortSignal
}

export type QuestionHandler = (
  body: unknown,
  context: { readonly projectId: string; readonly signal: AbortSignal; readonly log: Log },
) => Promise<unknown>

/**
 * Runs tasks and answers questions until `signal` aborts; then the running steps are stopped and handed over. Throws `engine.step-stuck` when a step
 * ignored for 10 s that it was told to stop: then the process must end at once, because the step still runs in it. Its other steps are handed over.
 */
export async function runWorker(options: WorkerOptions): Promise<void> {
  await using parts = await openParts(options)
  const { store } = options
  const workerId = await registerWorker(
    store.db,
    { host: options.host, providers: options.providers, specs: options.specs ?? {} },
    parts.newId,
  )
  const loop = new WorkerLoop(parts, options, workerId)
  await using stack = new AsyncDisposableStack()
  stack.defer(() => signOff(store.db, workerId).catch(() => undefined))
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal])
  await loop.refresh()
  stack.use(await store.listen(WORK_CHANNEL, queue => loop.wake(queue)))
  stack.use(await store.listen(CANCEL_CHANNEL, executionId => void loop.look(executionId)))
  stack.use(await store.listen(QUEUES_CHANNEL, () => void loop.refresh()))
  stack.use(await store.listen(WORKERS_CHANNEL, () => void loop.refresh()))
  const answering = answerQuestions(parts, options, workerId, signal)
  try {
    await loop.run(options.signal)
  } finally {
    ending.abort()
    await answering
  }
}
