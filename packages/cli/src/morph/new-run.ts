import type { Run } from '@instar/contract'
import { thisProcess } from '@instar/machine'
import type { MorphOptions } from '../commands/morph.ts'
import type { Context } from '../context.ts'
import { newRunId } from '../runs/run-id.ts'
import { maskKeys } from './mask-keys.ts'
import type { MorphTask } from './prepare-task.ts'

/** The record of a run that begins. */
export function newRun(context: Context, task: MorphTask): Run {
  return {
    version: 1,
    id: newRunId(context.now()),
    instance: task.instance,
    state: 'running',
    argv: maskKeys(context.argv),
    options: keptOptions(task.options),
    cwd: context.cwd,
    images: task.options.minion === undefined ? [...task.images] : [...(task.options.device ?? [])],
    owner: thisProcess(),
    started_at: context.now().toISOString(),
    ended_at: null,
  }
}

/** What a resumed run takes over: all options but keys given as text, which must be given again. */
function keptOptions(options: MorphOptions): Record<string, unknown> {
  return { ...options, key: (options.key ?? []).filter(key => !key.includes(':text:')) }
}
