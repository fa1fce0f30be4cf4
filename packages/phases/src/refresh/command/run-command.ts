import { InstarError } from '@instar/contract/errors'
import { findBaseDirectory } from '../drop-in/base-directory.ts'
import { bootIdentity } from '../journal/owner.ts'
import { RefreshStore } from '../journal/store.ts'
import { decideBeginning } from '../run/beginning.ts'
import { refresh } from '../run/refresh.ts'
import { takeLock } from '../run/lock.ts'
import { directoryReader, planPhase, type PhasePlan } from '../plan/plan.ts'
import { planObject, renderPlan } from '../view/show-plan.ts'
import { jsonView, plainView } from '../view/view.ts'
import type { Values } from './arguments.ts'

import type { RefreshIo } from './io.ts'
import { toRequest, type RefreshRequest } from './request.ts'

/** `instar refresh` itself: plans, or runs; gives the exit code and throws what ended the run. */
export async function runCommand(values: Values, io: RefreshIo): Promise<number> {
  const request = toRequest(values, findBaseDirectory(io.environment).path)
  const write = (text: string) => io.stdout.write(text)
  const bootId = io.environment['INSTAR_BOOT_ID'] ?? bootIdentity()
  if (request.plan) return plan(request, io, bootId)
  const take = request.json ? jsonView(write) : plainView(write, request.options.parallel)
  const lock = takeLock(request.lockFile)
  try {
    const world = { stateDir: io.stateDir, environment: io.environment, signal: io.signal, now: io.now, bootId, take }
    const { exitCode, error, runId } = await refresh(request, world)
    if (error !== undefined) throw new RefreshFailed(runId, error)
    return exitCode
  } finally {
    lock.release()
  }
}

function plan(request: RefreshRequest, io: RefreshIo, bootId: string): number {
  const { options, start } = decideBeginning(request, new RefreshStore(io.stateDir), { bootId, environment: io.environment })
  const read = directoryReader(options, io.environment)
  const plans: PhasePlan[] = []
  const missing: string[] = []
  for (const phase of options.phases) {
    const directory = read(phase)
    if (directory === undefined) missing.push(phase)
    const planned = planPhase(options, phase, start, directory)
    if (planned !== undefined) plans.push(planned)
  }
  io.stdout.write(request.json ? `${JSON.stringify(planObject(options.base, plans, missing))}\n` : renderPlan(options.base, plans, missing))
  return 0
}

/** What ended a run, with the run's id, so that the last lines a user sees tell where to look further. */
export class RefreshFailed extends Error {
  override readonly name = 'RefreshFailed'
  override readonly cause: InstarError
  readonly runId: string

  constructor(runId: string, cause: InstarError) {
    super(`run ${runId} failed`)
    this.cause = cause
    this.runId = runId
  }
}
