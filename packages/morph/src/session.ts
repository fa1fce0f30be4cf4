import { randomBytes } from 'node:crypto'
import { InstarError, type Emit, type MachinePhase, type ScriptRun } from '@instar/contract'
import type { Machine } from '@instar/machine'
import type { MorphRequest, MorphWorld } from './request.ts'
import type { PhaseFacts } from './scripts/environment.ts'
import { tellFailure } from './scripts/failure.ts'
import { createRedactor } from './scripts/redact.ts'
import { runPhase } from './scripts/run-phase.ts'
import type { Attempt } from './scripts/run-script.ts'
import { runStep } from './step.ts'

/** Sentences for the phases that run on the minion, as the user sees them. */
const PHASE_STEPS: Readonly<Record<Exclude<MachinePhase, 'replica_first_boot'>, string>> = {
  osmorphing_pre_os_mount: 'Running the scripts before the mount',
  osmorphing_post_os_mount: 'Running the scripts after the mount',
  osmorphing_pre_os_dismount: 'Running the scripts before the dismount',
  osmorphing_on_error: 'Running the scripts for a failure',
}

/** One morph under way: what its scripts are told, what they did, what is to be warned of. */
export class MorphSession {
  readonly request: MorphRequest
  readonly machine: Machine
  readonly emit: Emit
  readonly signal: AbortSignal
  readonly scripts: ScriptRun[] = []
  readonly warnings: string[] = []
  readonly #world: MorphWorld
  #facts: PhaseFacts
  #lastAttempt: Attempt | undefined
  #hasToldOfFailure = false

  constructor(request: MorphRequest, world: MorphWorld) {
    this.request = request
    this.machine = world.machine
    this.emit = world.emit
    this.signal = world.signal
    this.#world = world
    this.#facts = {
      runId: request.runId,
      root: '',
      disks: world.machine.devices,
      osType: 'linux',
      distro: '',
      secretsDir: `/run/instar/${request.runId}/secrets`,
    }
  }

  get secretsDir(): string {
    return this.#facts.secretsDir
  }

  /** From here on scripts are told of the mounted root, or of the distribution. */
  learn(facts: Partial<Pick<PhaseFacts, 'root' | 'distro'>>): void {
    this.#facts = { ...this.#facts, ...facts }
  }

  warn(message: string): void {
    this.warnings.push(message)
    this.emit({ kind: 'warning', message })
  }

  /** Runs the scripts of a phase as one step; a phase without scripts is no step. */
  async runPhase(phase: keyof typeof PHASE_STEPS, facts: PhaseFacts = this.#facts): Promise<number> {
    const { scripts, secrets, keys, resumeAt } = this.request
    if (!this.#hasScripts(phase)) return 0
    const world = {
      machine: this.machine,
      recorder: this.#world.recorder,
      emit: this.emit,
      signal: this.signal,
      newId: () => randomBytes(8).toString('hex'),
      redactor: createRedactor([...secrets, ...keys.map(({ secret }) => ({ name: 'key', value: secret }))]),
      onAttempt: (attempt: Attempt) => {
        this.#lastAttempt = attempt
        this.scripts.push(attempt.run)
      },
    }
    const firstOrder = firstOrderOf(phase, resumeAt)
    return runStep(this.emit, PHASE_STEPS[phase], async () => (await runPhase(world, { phase, scripts, firstOrder }, facts)).length)
  }

  #hasScripts(phase: MachinePhase): boolean {
    return this.request.scripts.some(script => script.phase === phase)
  }

  /** Does some work; when it fails, the on-error scripts run once, while the disks are as the failure left them. A cancel runs none. */
  async tellingOfFailure<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!this.#hasToldOfFailure && !this.signal.aborted && !isLost(error)) {
        this.#hasToldOfFailure = true
        await this.#runOnError(error)
      }
      throw error
    }
  }

  /** A failure of the on-error scripts must not hide the one they are told of. */
  async #runOnError(error: unknown): Promise<void> {
    if (!this.#hasScripts('osmorphing_on_error')) return
    try {
      const { machine, signal } = this
      const file = `/run/instar/${this.request.runId}/failed.log`
      const failure = await tellFailure(error, { machine, file, last: this.#lastAttempt, signal })
      await this.runPhase('osmorphing_on_error', { ...this.#facts, failure })
    } catch (second) {
      this.warn(`an on-error script failed too: ${second instanceof Error ? second.message : String(second)}`)
    }
  }
}

/**
 * With which script of a phase a run begins. What pre-mount scripts opened is gone with the earlier minion, so they all run again; of the
 * later phases those before the point are done.
 */
function firstOrderOf(phase: MachinePhase, resumeAt: MorphRequest['resumeAt']): number {
  if (resumeAt === undefined || phase === 'osmorphing_pre_os_mount' || phase === 'osmorphing_on_error') return 1
  if (phase === resumeAt.phase) return resumeAt.order
  const isBefore = phase === 'osmorphing_post_os_mount' && resumeAt.phase === 'osmorphing_pre_os_dismount'
  return isBefore ? Infinity : 1
}

function isLost(error: unknown): boolean {
  return error instanceof InstarError && error.code === 'machine.lost'
}
