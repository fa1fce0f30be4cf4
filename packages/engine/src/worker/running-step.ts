import { setTimeout as sleep } from 'node:timers/promises'
import { ERRORS, errorChain, InstarError, type Log } from '@instar/contract'
import { cutMessage } from '../events/cut-message.ts'
import type { Outcome } from '../execution/finish.ts'
import type { EngineParts } from '../parts.ts'
import { createScriptRecorder } from '../scripts/recorder.ts'
import type { Claim } from './claim.ts'
import { StepNotes } from './notes.ts'
import { AttemptProcesses } from './process-group.ts'
import { repeatWhileAway } from './repeat-while-away.ts'
import type { StepContext, StepDefinition } from './step.ts'

/** Why a step was told to stop: the user cancelled; the attempt is not ours any more; this worker ends. */
export type StopReason = 'cancelled' | 'lost' | 'worker-ends'

const DEFAULT_RETRIES = 3
const FIRST_RETRY_PAUSE_MS = 1_000
const MAX_RETRY_PAUSE_MS = 60_000
/** Clearing away may take a platform's time, but not for ever. */
const UNDO_TIMEOUT_MS = 15 * 60_000
/** A step that does not end so soon after it was told to stop ends its worker. */
export const STOP_GRACE_MS = 10_000
/** A task under which so many workers died is not tried again. */
const MAX_CRASHES = 10
/** Of the text in `exception_details`. */
const MAX_REASON = 8_192

/** One attempt at one task, from its claim to its outcome. */
export class RunningStep {
  readonly claim: Claim
  readonly #parts: EngineParts
  readonly #definition: StepDefinition | undefined
  readonly #processes = new AttemptProcesses()
  readonly #controller = new AbortController()
  readonly #lost = new AbortController()
  readonly #log: Log
  readonly #notes: StepNotes
  #stopReason: StopReason | undefined
  #isOver = false

  constructor(parts: EngineParts, claim: Claim, definition: StepDefinition | undefined) {
    this.claim = claim
    this.#parts = parts
    this.#definition = definition
    this.#log = parts.log
    this.#notes = new StepNotes(parts, claim, claim.task)
  }

  /** Whether the step ended in time after `stop`. */
  async hasStopped(): Promise<boolean> {
    for (let waitedMs = 0; waitedMs < STOP_GRACE_MS && !this.#isOver; waitedMs += 50) await sleep(50)
    return this.#isOver
  }

  /** Tells the step to stop. A lost attempt is not waited for: all its processes are killed at once. Answers whether that was news. */
  stop(reason: StopReason): boolean {
    if (this.#isOver || this.#stopReason === 'lost' || this.#stopReason === reason) return false
    // Clean-up is not told that the user cancelled: it runs on, and its result counts.
    if (reason === 'cancelled' && this.claim.rule !== 'success') return false
    this.#stopReason = reason
    const cause = new Error(`the step is to stop: ${reason}`)
    this.#controller.abort(cause)
    if (reason === 'lost') {
      this.#lost.abort(cause)
      this.#processes.killAll()
    }
    return true
  }

  /** Runs the step to its outcome; never throws. `undefined`: the attempt is lost, and there is nothing to save. */
  async run(): Promise<Outcome | undefined> {
    try {
      return await this.#runAndUndo()
    } catch (error) {
      return this.#stopReason === 'lost' ? undefined : { kind: 'failed', reason: textOf(error) }
    } finally {
      this.#isOver = true
      this.#processes.killAll()
      await this.#notes.close()
    }
  }

  async #runAndUndo(): Promise<Outcome | undefined> {
    const { claim } = this
    const definition = this.#definition
    if (definition === undefined)
      throw new InstarError('engine.unknown-step', `this worker has no step for tasks of the type ${claim.task.type}`)
    if (claim.crashes > MAX_CRASHES)
      throw new InstarError('engine.step-crashed', `${claim.crashes} workers died under ${claim.task.type} of ${claim.task.instance}`)
    // Its last worker died after the user had cancelled.
    if (claim.state === 'cancelling' && claim.rule === 'success') return this.#undoThen(definition, { kind: 'stopped' })
    try {
      const { signal } = this.#controller
      const patch = await repeatWhileAway(() => definition.run(this.#context(signal)), signal, this.#tellAway)
      return { kind: 'succeeded', patch: patch ?? undefined }
    } catch (error) {
      return this.#judge(definition, error)
    }
  }

  /** What a failed run means. */
  async #judge(definition: StepDefinition, error: unknown): Promise<Outcome | undefined> {
    if (this.#stopReason === 'lost') return undefined
    if (this.#stopReason === 'worker-ends') return { kind: 'handed-over' }
    const reason = textOf(error)
    if (this.#stopReason === 'cancelled') return this.#undoThen(definition, { kind: 'stopped' })
    const retries = definition.retries ?? DEFAULT_RETRIES
    if (isTransient(error) && this.claim.retries < retries) {
      const delayMs = Math.min(MAX_RETRY_PAUSE_MS, FIRST_RETRY_PAUSE_MS * 2 ** this.claim.retries)
      return this.#undoThen(definition, { kind: 'retry', reason, delayMs })
    }
    return this.#undoThen(definition, { kind: 'failed', reason })
  }

  async #undoThen(definition: StepDefinition, outcome: Outcome): Promise<Outcome | undefined> {
    if (definition.undo === undefined) return outcome
    try {
      const signal = AbortSignal.any([this.#lost.signal, AbortSignal.timeout(UNDO_TIMEOUT_MS)])
      await repeatWhileAway(async () => definition.undo?.(this.#context(signal)), signal, this.#tellAway)
      // Told to stop while it cleared away: the state of the task tells the next worker to do it again.
      return this.#stopReason === 'lost' ? undefined : outcome
    } catch (error) {
      if (this.#lost.signal.aborted) return undefined
      const undone = `what it had begun could not be cleared away: ${textOf(error)}`
      this.#notes.event('ERROR', undone)
      const reason = 'reason' in outcome && outcome.reason !== undefined ? `${outcome.reason}; ${undone}` : undone
      return outcome.kind === 'stopped' ? { kind: 'stopped', reason } : { kind: 'failed', reason }
    }
  }

  readonly #tellAway = (error: unknown): void => {
    this.#log.warn({ error, task: this.claim.taskId }, 'the database was away in the middle of a step, which is run again')
  }

  #context(signal: AbortSignal): StepContext {
    const { claim } = this
    return {
      task: claim.task,
      execution: claim.execution,
      info: claim.info,
      signal,
      store: this.#parts.store,
      log: this.#log,
      processes: this.#processes,
      progress: (message, current, total) => this.#notes.progress(message, current, total),
      event: (level, message) => this.#notes.event(level, message),
      emit: event => this.#notes.emit(event),
      scripts: createScriptRecorder({ store: this.#parts.store, attempt: claim, task: claim.task }),
    }
  }
}

function isTransient(error: unknown): boolean {
  return error instanceof InstarError && ERRORS[error.code].fault === 'transient'
}

/** The messages of the error and its causes, with the code and the hint where it has them. */
function textOf(error: unknown): string {
  const chain = errorChain(error).join(': ')
  return cutMessage(error instanceof InstarError ? `${chain} [${error.code}] ${error.hint}` : chain, MAX_REASON)
}
