import type { ExecutionState, TaskState } from '@instar/store'
import { isActive, isCancelled } from './task-classes.ts'

/**
 * The state of an execution from those of its tasks (coriolis-api.md 4.1; dormant ones count for nothing). Once cancelling it stays so to its end,
 * where the original may show running again while the clean-up of a failure goes on.
 */
export function executionStateOf(states: Iterable<TaskState>, before: ExecutionState): ExecutionState {
  const tasks = [...new Set(states)].map(state => ({ state }))
  const has = (...wanted: TaskState[]) => tasks.some(({ state }) => wanted.includes(state))
  const anyActive = tasks.some(isActive)
  if (!anyActive && has('waiting', 'stranded')) return 'deadlocked'
  if (anyActive) return before === 'cancelling' || has('cancelling', 'failed') || tasks.some(isCancelled) ? 'cancelling' : 'running'
  if (has('kept')) return 'kept_for_debugging'
  if (has('failed', 'unplaced')) return 'failed'
  return tasks.some(isCancelled) ? 'cancelled' : 'completed'
}
