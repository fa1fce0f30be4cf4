import type { ChildProcess, SpawnOptions } from 'node:child_process'
import type { EventBody, Log, ScriptRun } from '@instar/contract'
import type { Store } from '@instar/store'
import type { Info } from '../engine.ts'

/**
 * What runs for one type of task. `run` may be repeated after a crash, and `undo` after a half-done `run`, so both look first and then act.
 */
export interface StepDefinition {
  /** Answers what is now known of the machine; merged into its info in the transaction that ends the task. */
  run(context: StepContext): Promise<Info | void>
  /**
   * Clears the half-done work of this step alone: before it is run again after a failure that passes, after its last failure, and after a cancel.
   * Not after a force-cancel, and not after a crash, where `run` goes on with what is there.
   */
  undo?(context: StepContext): Promise<void>
  /** How often a failure whose `fault` is `transient` is tried again, with growing pauses; 3 when absent. */
  readonly retries?: number
}

export interface StepContext {
  readonly task: StepTask
  readonly execution: StepExecution
  /** The machine's info as it was when this attempt began. */
  readonly info: Info
  /** Aborted by a cancel, by the worker's end, and when the attempt is lost to another worker. `undo` has one of its own, with a time limit. */
  readonly signal: AbortSignal
  readonly store: Store
  readonly log: Log
  /** Everything that the step starts on this host belongs here, and is killed with the attempt. */
  readonly processes: ProcessGroup
  /**
   * Tells the user: a sentence in the present. With two numbers it is a bar that never goes back; the same message again moves that bar. Written
   * at most once a second, the last one always.
   */
  readonly progress: (message: string, current?: number, total?: number) => void
  readonly event: (level: 'INFO' | 'WARNING' | 'ERROR', message: string) => void
  /** Events of a morph and the like, for those who follow the execution. */
  readonly emit: (event: EventBody) => void
  /** Keeps records and output of scripts with the execution. */
  readonly scripts: StepScriptRecorder
}

/** The same shape as `ScriptRecorder` of morph, which the engine does not know. */
export interface StepScriptRecorder {
  open(run: ScriptRun, payload: string): Promise<StepScriptLog>
}

export interface StepScriptLog {
  readonly place: string
  write(stream: 'stdout' | 'stderr', piece: Buffer): Promise<void>
  close(run: ScriptRun): Promise<void>
}

export interface StepTask {
  readonly id: string
  readonly type: string
  readonly instance: string
  readonly projectId: string
  /** From 1; above 1 the step may find its own half-done work. */
  readonly attempt: number
}

export interface StepExecution {
  readonly id: string
  readonly kind: string
  readonly number: number
  readonly actionId: string
  readonly userId: string
  readonly options: Readonly<Record<string, unknown>>
  /** How many machines the execution has. Their names would go to each task anew: a million of them in a transfer of a thousand machines. */
  readonly instanceCount: number
}

/** The processes of one attempt: each a group of its own, so that what they start is killed with them. */
export interface ProcessGroup {
  /** As spawn(3) of Node, detached; the process ends with the attempt, and with this worker even when that is killed. */
  spawn(argv: readonly [string, ...string[]], options?: Omit<SpawnOptions, 'detached' | 'signal'>): ChildProcess
  /** A process that something else started, by its pid; `isLeader` when it leads a group. */
  add(pid: number, isLeader: boolean): void
}
