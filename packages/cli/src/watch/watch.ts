import { InstarError } from '@instar/contract/errors'
import type { ExecutionStatus, Task } from '@instar/contract/api'
import { isFinalExecution } from '@instar/contract/statuses'
import { findKnown } from '@instar/phases/text'
import type { Context } from '../context.ts'
import type { Api } from '../service/api.ts'
import { readScriptRuns, ScriptFeed } from './script-feed.ts'
import { createLiveTaskView, createPlainTaskView, type TaskView } from './task-view.ts'
import { untilFinal, type Going } from './until-final.ts'

export interface Snapshot {
  readonly status: ExecutionStatus
  readonly tasks: readonly Task[]
}

/** A run that is waited for. */
export interface Watched<T extends Snapshot> {
  /** "execution 3 of transfer ID", "deployment ID". */
  readonly name: string
  readonly read: () => Promise<T>
  /** Path of its script runs below Instar's own API. */
  readonly scripts: string
  /** The commands that show its scripts' output, watch it again, and stop it. */
  readonly logCommand: string
  readonly watchCommand: string
  readonly cancelCommand: string
}

export interface WatchOptions {
  /** Also what tasks say and what scripts print. */
  readonly follow: boolean
  /** Nothing is shown. */
  readonly quiet: boolean
}

/** Waits until a run has ended and shows it meanwhile; throws why when it did not complete. A signal ends the watching, not the run. */
export async function watch<T extends Snapshot>(context: Context, api: Api, watched: Watched<T>, options: WatchOptions): Promise<T> {
  const ended = new AbortController()
  const signal = AbortSignal.any([context.signal, ended.signal])
  const view = options.quiet ? undefined : createView(context, options)
  const feed =
    options.follow && view !== undefined
      ? new ScriptFeed(api, { read: () => readScriptRuns(api, watched.scripts), signal, say: line => view.line(line) })
      : undefined
  try {
    const last = await untilFinal(api, goingOf(watched, view, feed), signal)
    view?.close()
    if (last.status !== 'COMPLETED') throw failureOf(watched, last)
    return last
  } catch (error) {
    view?.close()
    throw context.signal.aborted ? stillRunning(context, watched, error) : error
  } finally {
    // A stream that is still open would keep the process.
    ended.abort()
  }
}

function goingOf<T extends Snapshot>(watched: Watched<T>, view: TaskView | undefined, feed: ScriptFeed | undefined): Going<T> {
  return {
    read: watched.read,
    isFinal: ({ status }) => isFinalExecution(status),
    events: ({ tasks }) => (tasks[0] === undefined ? undefined : `executions/${tasks[0].execution_id}/events`),
    show: async ({ tasks }) => {
      // What scripts printed comes before the end of their task, and what has ended before them before their begin.
      await feed?.showEnded()
      view?.look(tasks)
      feed?.showBegun()
    },
    say: line => view?.line(line),
    // Bars are drawn from events between two looks.
    onEvent: event => {
      if (event.kind === 'progress') view?.progress(event)
    },
  }
}

function createView(context: Context, { follow }: WatchOptions): TaskView {
  const { stderr } = context
  const options = { all: follow, now: () => performance.now() }
  // What is shown goes to stderr: stdout holds the result, for whoever reads it.
  return stderr.isTerminal ? createLiveTaskView(stderr, options) : createPlainTaskView(stderr, options)
}

/** Why a run did not complete: what its first failed task says, with the hint that came with it. A script of the user's has a code of its own. */
function failureOf(watched: Watched<Snapshot>, last: Snapshot): InstarError {
  if (last.status === 'CANCELED') return new InstarError('execution.cancelled', `${watched.name} was cancelled`)
  const failed = last.tasks.find(task => task.status === 'ERROR' || task.status === 'FAILED_TO_SCHEDULE')
  const details = failed?.exception_details ?? failed?.status ?? `its status is ${last.status}`
  // As Instar's workers say it; another service's text is taken whole.
  const [, reason = details, code, hint] = /^(.*?) \[([a-z]+\.[a-z-]+)\] (.*)$/s.exec(details) ?? []
  const script = SCRIPT_CODES.find(one => one === code)
  return new InstarError(script ?? 'execution.failed', `${watched.name} failed`, {
    cause: new Error(failed === undefined ? reason : `${failed.task_type} of ${failed.instance}: ${reason}`),
    ...(hint === undefined ? {} : { hint }),
    ...(script === undefined ? {} : { details: { see: watched.logCommand } }),
  })
}

const SCRIPT_CODES = ['script.failed', 'script.timed-out'] as const

function stillRunning(context: Context, watched: Watched<Snapshot>, cause: unknown): InstarError {
  const known = findKnown(context.signal.reason)
  return new InstarError('internal.cancelled', `watching ${watched.name} ended (${known?.message ?? 'cancelled'}); it goes on`, {
    hint: `Watch it again with: ${watched.watchCommand}. Stop it with: ${watched.cancelCommand}`,
    cause: [undefined, known].includes(findKnown(cause)) ? undefined : cause,
  })
}
