import type { Log } from '@instar/contract'
import type { WorkerProvider } from '@instar/store'
import type { TaskType } from '../plans/task-types.ts'
import { QUEUES_CHANNEL } from '../delivery/queues.ts'
import { WORK_CHANNEL } from '../delivery/jobs.ts'
import { CANCEL_CHANNEL } from '../execution/apply.ts'
import { PLACES_CHANNEL } from '../execution/admission.ts'
import type { EngineParts } from '../parts.ts'
import { answerQuestions } from '../questions/answer.ts'
import { registerWorker, signOff, WORKERS_CHANNEL } from './registration.ts'
import type { StepDefinition } from './step.ts'
import { WorkerLoop } from './worker-loop.ts'

export interface WorkerOptions {
  /** How the services list names it; one process a name. */
  readonly host: string
  /** What it offers, by platform. */
  readonly providers: Readonly<Record<string, WorkerProvider>>
  /** `specs` of the service on the wire. */
  readonly specs?: Readonly<Record<string, unknown>>
  readonly steps: Readonly<Partial<Record<TaskType, StepDefinition>>>
  /** By the kind of the question. What they throw reaches the asker with its code. */
  readonly questions?: Readonly<Record<string, QuestionHandler>>
  readonly limits?: {
    /** Steps at once in this process; 16 when absent. */
    readonly steps?: number
    /** Questions at once; 16 when absent. */
    readonly questions?: number
  }
  /** Aborted: no new work, the running steps are aborted and handed over, and `work` returns. */
  readonly signal: AbortSignal
}

export type QuestionHandler = (
  body: unknown,
  context: { readonly projectId: string; readonly signal: AbortSignal; readonly log: Log },
) => Promise<unknown>

/** See `Engine.work`. */
export async function runWorker(parts: EngineParts, options: WorkerOptions): Promise<void> {
  const { store } = parts
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
  stack.use(await store.listen(PLACES_CHANNEL, () => parts.admission.look()))
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
