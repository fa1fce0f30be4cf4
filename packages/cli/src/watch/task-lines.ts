import type { InstarEvent } from '@instar/contract'
import type { Task } from '@instar/contract/api'
import { isFinalTask } from '@instar/contract/statuses'
import { formatDuration, printable } from '@instar/phases/text'

/** What a view remembers of the tasks that it has told of. */
export interface Told {
  /** When a task was first seen at work, in ms. */
  readonly begun: Map<string, number>
  readonly ended: Set<string>
  readonly events: Map<string, number>
}

export function nothingTold(): Told {
  return { begun: new Map(), ended: new Set(), events: new Map() }
}

const ACTIVE: readonly Task['status'][] = ['PENDING', 'STARTING', 'RUNNING', 'SYNCING', 'CANCELLING', 'CANCELLING_AFTER_COMPLETION']

export function isActiveTask({ status }: Task): boolean {
  return ACTIVE.includes(status)
}

/** The lines that tell what is new in a look at the tasks: what ended, what was warned of, and when `all` is wanted also what was said. */
export function newLines(tasks: readonly Task[], told: Told, options: { now: number; all: boolean }): string[] {
  return tasks.flatMap(task => {
    if (isActiveTask(task) && !told.begun.has(task.id)) told.begun.set(task.id, options.now)
    const lines = eventLines(task, told, options.all)
    // Of what never came to its turn there is nothing to tell.
    if (!isFinalTask(task.status) || task.status === 'UNSCHEDULED' || told.ended.has(task.id)) return lines
    told.ended.add(task.id)
    return [...lines, endLine(task, told, options.now)]
  })
}

function eventLines(task: Task, told: Told, all: boolean): string[] {
  const from = told.events.get(task.id) ?? 0
  told.events.set(task.id, task.events.length)
  return task.events
    .slice(from)
    .filter(({ level }) => all || level !== 'INFO')
    .map(({ level, message }) => `${level === 'INFO' ? ' ' : '!'} ${printable(task.instance)}: ${printable(message)}`)
}

function endLine(task: Task, told: Told, now: number): string {
  const mark = task.status === 'COMPLETED' ? '✓' : task.status === 'ERROR' || task.status === 'FAILED_TO_SCHEDULE' ? '✗' : '–'
  const begun = told.begun.get(task.id)
  const took = begun === undefined ? '' : ` (${formatDuration(now - begun)})`
  const status = task.status === 'COMPLETED' ? '' : ` ${task.status.toLowerCase().replaceAll('_', ' ')}`
  return `${mark} ${printable(task.instance)}: ${taskName(task)}${status}${took}`
}

/** `DEPLOY_TRANSFER_DISKS` as people write it. */
export function taskName(task: Task): string {
  return task.task_type.toLowerCase().replaceAll('_', ' ')
}

/** How far a task is: 0 to 100, or undefined where it does not tell; and its last words. */
export function taskProgress(task: Task): { percent: number | undefined; message: string } {
  const last = task.progress_updates.at(-1)
  if (last === undefined) return { percent: undefined, message: '' }
  const percent = last.total_steps > 0 ? (100 * last.current_step) / last.total_steps : undefined
  return { percent, message: printable(last.message) }
}

/** The tasks after an event that tells how far one of them is; what comes late, and what is of none of them, changes nothing. */
export function withProgress(tasks: readonly Task[], { instance, step, percent, message = '' }: InstarEvent): readonly Task[] {
  const at = tasks.findIndex(task => task.instance === instance && taskName(task) === step?.toLowerCase() && isActiveTask(task))
  const task = tasks[at]
  if (task === undefined || percent === undefined) return tasks
  const before = taskProgress(task)
  if (before.message === printable(message) && (before.percent ?? 0) > percent) return tasks
  const last = { id: '', task_id: task.id, index: 0, created_at: task.created_at, updated_at: null, deleted_at: null, deleted: '0' }
  const progress_updates = [{ ...last, current_step: percent, total_steps: 100, message }]
  return tasks.with(at, { ...task, progress_updates })
}
