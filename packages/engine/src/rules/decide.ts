import type { TaskState } from '@instar/store'
import { hasEffects, isActive, isFinal, type RuleTask } from './task-classes.ts'

/** What happened to an execution. */
export type RuleEvent =
  | { readonly kind: 'begun' }
  /** The step of a task ended well. `isHeldUp`: its barrier is known to stay closed, for the sake of a task of another instance. */
  | { readonly kind: 'succeeded'; readonly taskId: string; readonly isHeldUp?: boolean }
  /** `keep`: an operator wants to look at what failed, so nothing is cleaned up. */
  | { readonly kind: 'failed'; readonly taskId: string; readonly reason: string; readonly keep?: boolean }
  /** The step of a cancelled task stopped and its half-done work is gone. */
  | { readonly kind: 'stopped'; readonly taskId: string; readonly reason?: string }
  /** No worker was found. */
  | { readonly kind: 'unplaced'; readonly taskId: string; readonly reason: string }
  | { readonly kind: 'cancel'; readonly force: boolean }

export interface TaskChange {
  readonly id: string
  readonly state: TaskState
  readonly reason: string | null
}

/**
 * What follows from an event by the rules of coriolis-api.md 5.1, 5.2 and 5.12: the tasks whose state changes. Pure. The tasks are all of the
 * execution; for `succeeded` and `stopped` those of the task's instance do when no task needs one of another instance and the task opens no barrier.
 */
export function decide(tasks: readonly RuleTask[], event: RuleEvent): TaskChange[] {
  const board = new Board(tasks)
  switch (event.kind) {
    case 'begun':
      break
    case 'succeeded':
      board.succeed(event.taskId, event.isHeldUp ?? false)
      break
    case 'failed':
      board.fail(event.taskId, event.reason, event.keep ?? false)
      break
    case 'stopped':
      board.set(event.taskId, 'cancelled', event.reason ?? 'it was cancelled, and what it had begun is cleared away')
      break
    case 'unplaced':
      board.set(event.taskId, 'unplaced', event.reason)
      board.cancel(false)
      break
    case 'cancel':
      board.cancel(event.force)
      break
  }
  board.advance()
  return board.changes()
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

class Board {
  readonly #tasks: Mutable<RuleTask>[]
  readonly #byId: Map<string, Mutable<RuleTask>>
  readonly #changes = new Map<string, TaskChange>()

  constructor(tasks: readonly RuleTask[]) {
    this.#tasks = tasks.map(task => ({ ...task })).sort((a, b) => a.idx - b.idx)
    this.#byId = new Map(this.#tasks.map(task => [task.id, task]))
  }

  changes(): TaskChange[] {
    return [...this.#changes.values()]
  }

  set(id: string, state: TaskState, reason: string | null = null): void {
    this.#get(id).state = state
    this.#changes.set(id, { id, state, reason })
  }

  succeed(id: string, isHeldUp: boolean): void {
    const task = this.#get(id)
    if (task.state === 'cancelling') return this.set(id, 'completed_late', 'the cancel came too late: it was done')
    if (!task.isBarrier) return this.set(id, 'completed')
    this.set(id, 'syncing')
    if (isHeldUp) return
    const peers = this.#tasks.filter(peer => peer.isBarrier && peer.type === task.type)
    if (peers.every(({ state }) => state === 'syncing' || state === 'completed'))
      for (const peer of peers) if (peer.state === 'syncing') this.set(peer.id, 'completed')
  }

  fail(id: string, reason: string, keep: boolean): void {
    const task = this.#get(id)
    // Told to stop it may fail in any way; a clean-up was not told, and its failure counts.
    if (task.state === 'cancelling' && task.rule === 'success') return this.set(id, 'cancelled', reason)
    this.set(id, 'failed', reason)
    if (keep) return this.#keep()
    if (task.isBarrier)
      for (const peer of this.#tasks)
        if (peer.type === task.type && peer.state === 'syncing')
          this.set(peer.id, 'failed', `${task.type} failed for another instance (task ${id})`)
    this.cancel(false)
  }

  cancel(force: boolean): void {
    for (const task of this.#tasks) {
      const { id, state, rule } = task
      if (state === 'dormant') this.set(id, 'waiting')
      else if (force && isActive(task)) this.set(id, 'forced', 'it was cancelled by force: what it had begun is left behind')
      else if (state === 'running') this.set(id, 'cancelling')
      else if (state === 'syncing') this.set(id, 'skipped', 'it was cancelled while it waited for the same task of the other instances')
      // Upstream a clean-up that waits for its worker is dropped here, and what it should have cleaned stays behind.
      else if (state === 'pending' && rule === 'success') this.set(id, 'skipped', 'it was cancelled before it began')
      else if (state === 'waiting' && task.dependsOn.length === 0) this.set(id, 'skipped', 'it was cancelled before it began')
    }
  }

  /** Starts or leaves out each waiting task whose parents have ended. In the order of the plan, so that one pass settles all. */
  advance(): void {
    for (const task of this.#tasks) {
      if (task.state !== 'waiting') continue
      const parents = task.dependsOn.map(id => this.#get(id))
      if (!parents.every(isFinal)) continue
      const missing = task.rule === 'success' ? missingForWork(parents) : missingForCleanUp(parents)
      if (missing === undefined) this.set(task.id, 'pending')
      else this.set(task.id, 'skipped', missing)
    }
    if (this.#tasks.some(isActive)) return
    for (const { id, state } of this.#tasks) if (state === 'waiting') this.set(id, 'stranded', 'nothing is at work that could release it')
  }

  #keep(): void {
    for (const task of this.#tasks) if (!isFinal(task)) this.set(task.id, 'kept', 'all was left as it is for debugging')
  }

  #get(id: string): Mutable<RuleTask> {
    const task = this.#byId.get(id)
    if (task === undefined) throw new TypeError(`the rules were not given the task ${id}`)
    return task
  }
}

/** Why ordinary work does not start, or nothing. */
function missingForWork(parents: readonly RuleTask[]): string | undefined {
  const [without] = parents.filter(({ state }) => state !== 'completed')
  return without === undefined ? undefined : `it needs ${without.type}, which was not completed`
}

/**
 * Why a clean-up does not start, or nothing: one of the ordinary tasks that it stands behind must have left something to clean. A clean-up that
 * stands behind clean-ups alone follows them.
 */
function missingForCleanUp(parents: readonly RuleTask[]): string | undefined {
  const ordinary = parents.filter(({ rule }) => rule === 'success')
  const decisive = ordinary.length > 0 ? ordinary : parents
  if (parents.length === 0 || decisive.some(hasEffects)) return undefined
  return `there is nothing to clean up: ${decisive.map(({ type }) => type).join(' and ')} completed nothing`
}
