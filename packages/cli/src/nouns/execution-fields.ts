import type { Execution, Task } from '@instar/contract/api'
import { isFinalTask } from '@instar/contract/statuses'
import type { Column } from '../output/column.ts'

export const EXECUTION_FIELDS: readonly Column<Execution>[] = [
  { name: 'id', of: one => one.id },
  { name: 'transfer_id', of: one => one.action_id },
  { name: 'status', of: one => one.status },
  { name: 'created', of: one => one.created_at },
  { name: 'last_updated', of: one => one.updated_at },
  { name: 'instances', of: one => [...new Set(one.tasks.map(task => task.instance))] },
  { name: 'tasks', of: one => one.tasks, text: one => taskLines(one.tasks) },
]

/** A line for each task, and below it why it failed. */
export function taskLines(tasks: readonly Task[]): string {
  return tasks
    .flatMap(task => {
      const why = task.exception_details === null || task.exception_details === '' ? [] : [`    ${task.exception_details}`]
      return [`${task.status}  ${task.task_type} ${task.instance}${isFinalTask(task.status) ? '' : progressOf(task)}`, ...why]
    })
    .join('\n')
}

function progressOf(task: Task): string {
  const last = task.progress_updates.at(-1)
  if (last === undefined) return ''
  const percent = last.total_steps > 0 ? ` ${Math.floor((100 * last.current_step) / last.total_steps)} %` : ''
  return ` ${last.message}${percent}`
}
