import type { ExecutionState } from '@instar/store'
import { decide, type RuleEvent } from './decide.ts'
import { executionStateOf } from './execution-state.ts'
import type { RuleTask } from './task-classes.ts'

export interface Simulated {
  readonly tasks: readonly RuleTask[]
  readonly state: ExecutionState
  /** Ids of the tasks that were started, in that order. */
  readonly started: readonly string[]
}

/** What the world does next, given the tasks: an event, or `start` for a pending task. `undefined` when it has nothing to do. */
export type World = (tasks: readonly RuleTask[]) => RuleEvent | { readonly kind: 'start'; readonly taskId: string } | undefined

/** Plays an execution from its beginning until the world has nothing more to do. */
export function simulate(plan: readonly Omit<RuleTask, 'state'>[], world: World): Simulated {
  let tasks: readonly RuleTask[] = plan.map(task => ({ ...task, state: task.rule === 'error' ? 'dormant' : 'waiting' }))
  let state: ExecutionState = 'running'
  const started: string[] = []
  const apply = (event: RuleEvent) => {
    const changes = new Map(decide(tasks, event).map(change => [change.id, change.state]))
    tasks = tasks.map(task => ({ ...task, state: changes.get(task.id) ?? task.state }))
    state = executionStateOf(
      tasks.map(task => task.state),
      state,
    )
  }
  apply({ kind: 'begun' })
  for (let event = world(tasks); event !== undefined; event = world(tasks)) {
    if (event.kind !== 'start') {
      apply(event)
      continue
    }
    const { taskId } = event
    started.push(taskId)
    tasks = tasks.map(task => (task.id === taskId ? { ...task, state: 'running' } : task))
  }
  return { tasks, state, started }
}

/** A world in which every step succeeds but those named, which fail. */
export function dutifulWorld(failing: ReadonlySet<string> = new Set()): World {
  return tasks => {
    const running = tasks.find(({ state }) => state === 'running' || state === 'cancelling')
    if (running !== undefined)
      return failing.has(running.id) ? { kind: 'failed', taskId: running.id, reason: 'boom' } : { kind: 'succeeded', taskId: running.id }
    const pending = tasks.find(task => task.state === 'pending')
    return pending === undefined ? undefined : { kind: 'start', taskId: pending.id }
  }
}
