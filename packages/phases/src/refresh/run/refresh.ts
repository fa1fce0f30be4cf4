import type { RefreshRequest } from '../command/request.ts'
import { rotate } from '../journal/rotate.ts'
import { RefreshStore } from '../journal/store.ts'
import { decideBeginning } from './beginning.ts'
import { finishRun, type RunEnd } from './finish.ts'
import { endLeftovers } from './leftovers.ts'
import { abandon, openSession } from './open-session.ts'
import { forgetWaiting, waitingRun } from './reboot.ts'
import { runPhases } from './run-phases.ts'
import { warn, type Session } from './session.ts'
import type { World } from './world.ts'

/** Runs the phases; the caller holds the lock. Gives the end and the id of the run; throws what refuses to begin. */
export async function refresh(request: RefreshRequest, world: World): Promise<RunEnd & { runId: string }> {
  const store = new RefreshStore(world.stateDir)
  store.prepare()
  const beginning = decideBeginning(request, store, world)
  const waiting = waitingRun(store)
  const leftovers = await endLeftovers(store, request.options.killAfterMs)
  const begunAt = performance.now()
  const session = await openSession(beginning, store, world)
  let end: RunEnd
  try {
    if (waiting !== undefined && waiting.id !== session.id) await abandon(waiting, store, world)
    forgetWaiting(store)
    for (const message of leftovers) warn(session, message)
    if (beginning.continues !== undefined)
      session.emit({ kind: 'step', step: `run ${session.id} goes on after its reboot`, state: 'started' })
    const elapsedBefore = beginning.continues?.reboots.at(-1)?.elapsed_ms ?? 0
    const phases = await runPhases(session, beginning.start, elapsedBefore)
    end = await finishRun(session, store, phases, elapsedBefore + performance.now() - begunAt)
  } finally {
    await closeSession(session)
  }
  rotate(store, request, world.now(), session.id)
  return { ...end, runId: session.id }
}

/** Also after a defect of ours: what stayed open would keep the program from ending. */
async function closeSession(session: Session): Promise<void> {
  session.showEvents()
  await session.slots.close()
  session.polling.close()
  session.forks.close()
  session.containment.release()
}
