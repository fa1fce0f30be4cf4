import type { InstarEvent } from '@instar/contract'
import type { Task } from '@instar/contract/api'
import { formatDuration } from '@instar/phases/text'
import type { Output } from '../context.ts'
import { createRedrawnRows, progressBar } from '../view/draw.ts'
import { isActiveTask, newLines, nothingTold, taskName, taskProgress, withProgress } from './task-lines.ts'

/** Shows the tasks of an execution as they go on. */
export interface TaskView {
  look(tasks: readonly Task[]): void
  /** How far a task is, told between two looks. */
  progress(event: InstarEvent): void
  /** A line of something else, above what is redrawn. */
  line(text: string): void
  close(): void
}

export interface TaskViewOptions {
  /** Also what tasks say beside their warnings. */
  readonly all: boolean
  readonly now: () => number
}

const REDRAW_MS = 200
/** More bars than these are counted, not drawn: a thousand machines do not fit a screen. */
const MAX_BARS = 8
/** In a log progress is told so often. */
const PLAIN_PROGRESS_MS = 10_000

/** A bar for each task at work, redrawn below the lines of what ended. */
export function createLiveTaskView(output: Output, options: TaskViewOptions): TaskView {
  const told = nothingTold()
  let active: readonly Task[] = []
  const redrawn = createRedrawnRows()
  const draw = (above: readonly string[] = []) => {
    const more = active.length > MAX_BARS ? [`  and ${active.length - MAX_BARS} more`] : []
    const rows = [...active.slice(0, MAX_BARS).map(task => barOf(task, told.begun.get(task.id), options.now())), ...more]
    output.write(redrawn.draw(rows, { columns: output.columns, above }))
  }
  const timer = setInterval(() => draw(), REDRAW_MS)
  timer.unref()
  return {
    look: tasks => {
      const lines = newLines(tasks, told, { now: options.now(), all: options.all })
      active = tasks.filter(isActiveTask)
      draw(lines)
    },
    progress: event => {
      active = withProgress(active, event)
    },
    line: text => draw([text]),
    close: () => {
      clearInterval(timer)
      active = []
      draw()
    },
  }
}

function barOf(task: Task, begun: number | undefined, now: number): string {
  const { percent, message } = taskProgress(task)
  const bar = percent === undefined ? '' : ` ${progressBar(percent)} ${Math.floor(percent)} %`
  const took = begun === undefined ? '' : ` (${formatDuration(now - begun)})`
  return `» ${task.instance}: ${taskName(task)}${bar}${message === '' ? '' : ` ${message}`}${took}`
}

/** Lines only: for logs and pipes. */
export function createPlainTaskView(output: Output, options: TaskViewOptions): TaskView {
  const told = nothingTold()
  const said = new Map<string, { text: string; at: number }>()
  const progressLine = (task: Task): string[] => {
    const { percent, message } = taskProgress(task)
    const text = [message, percent === undefined ? '' : `${Math.floor(percent)} %`].filter(Boolean).join(' ')
    const before = said.get(task.id)
    const now = options.now()
    if (text === '' || text === before?.text || (before !== undefined && now - before.at < PLAIN_PROGRESS_MS)) return []
    said.set(task.id, { text, at: now })
    return [`  ${task.instance}: ${taskName(task)}: ${text}`]
  }
  const say = (lines: readonly string[]) => output.write(lines.map(line => `${line}\n`).join(''))
  let active: readonly Task[] = []
  return {
    look: tasks => {
      active = tasks.filter(isActiveTask)
      // What has ended comes before what began after it.
      say([...newLines(tasks, told, { now: options.now(), all: options.all }), ...active.flatMap(progressLine)])
    },
    progress: event => {
      active = withProgress(active, event)
      say(active.flatMap(progressLine))
    },
    line: text => say([text]),
    close: () => undefined,
  }
}
