import { InstarError } from '@instar/contract/errors'
import type { RefreshRequest } from '../command/request.ts'
import type { RefreshRun, RunOptions } from '../journal/records.ts'
import type { RefreshStore } from '../journal/store.ts'
import { directoryReader } from '../plan/plan.ts'
import { startAfter, startFrom, type StartPoint } from '../plan/start-point.ts'
import { waitingRun } from './reboot.ts'
import type { World } from './world.ts'

/** What a request comes to once the journal was asked: a new run, or one that goes on after its reboot. */
export interface Beginning {
  readonly options: RunOptions
  readonly start?: StartPoint
  /** The run that goes on: its journal is continued. */
  readonly continues?: RefreshRun
  readonly resumedFrom?: string
}

/** Where the run begins; throws `refresh.waits-for-reboot`, `refresh.not-resumable` and `refresh.unknown-script`. */
export function decideBeginning(request: RefreshRequest, store: RefreshStore, world: Pick<World, 'bootId' | 'environment'>): Beginning {
  const { options } = request
  const waiting = request.startNew ? undefined : waitingRun(store)
  if (waiting !== undefined) {
    const { boot_id: bootId, phase, name } = waiting.reboots.at(-1)!
    if (request.from !== undefined)
      throw new InstarError('refresh.waits-for-reboot', `run ${waiting.id} goes on after its reboot, and --from begins another one`, {
        hint: 'Add --new to give that run up, or leave --from out.',
      })
    if (bootId === world.bootId && !request.resume)
      throw new InstarError('refresh.waits-for-reboot', `run ${waiting.id} waits for the reboot that ${phase}/${name} asked for`)
    return { options: waiting.options, start: startAfter(waiting, false), continues: waiting }
  }
  if (request.resume) {
    const run = store.list().find(run => run.options.base === options.base)
    if (run === undefined) throw new InstarError('refresh.not-resumable', `there is no run of ${options.base} in ${store.dir}`)
    return { options: { ...options, phases: run.options.phases }, start: startAfter(run, request.again), resumedFrom: run.id }
  }
  if (request.from === undefined) return { options }
  return { options, start: startFrom(request.from, options.phases, directoryReader(options, world.environment)) }
}
