import type { EventBody } from '@instar/contract'
import type { TaskState } from '@instar/store'

const STATE_OF: Partial<Record<TaskState, EventBody['state']>> = {
  completed: 'succeeded',
  completed_late: 'succeeded',
  failed: 'failed',
  unplaced: 'failed',
  cancelled: 'skipped',
  forced: 'skipped',
  skipped: 'skipped',
  kept: 'skipped',
  stranded: 'skipped',
}

/** What those who follow an execution are told of a task's new state, if anything. */
export function taskEvent(
  task: { readonly instance: string; readonly type: string },
  state: TaskState,
  reason: string | null,
): EventBody | undefined {
  const named = STATE_OF[state]
  if (named === undefined) return undefined
  return { kind: 'step', instance: task.instance, step: stepName(task.type), state: named, ...(reason === null ? {} : { message: reason }) }
}

/** "GET_INSTANCE_INFO" -> "Get instance info". */
export function stepName(type: string): string {
  const words = type.toLowerCase().replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
