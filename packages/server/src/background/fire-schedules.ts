import { InstarError } from '@instar/contract'
import { firesAt, mayAct } from '@instar/contract/api'
import type { ApiDeps } from '../api-deps.ts'
import { startExecution } from '../executions/start-execution.ts'
import type { Identity } from '../identity/identity.ts'
import type { ScheduleRow } from '../schedules/schedule.ts'

export interface ScheduleDeps extends ApiDeps {
  readonly identity: Identity
}

const MINUTE_MS = 60_000
/** Firings are remembered for so long; a server whose clock is further behind would fire again. */
const REMEMBERED_MS = 7 * 24 * 60 * MINUTE_MS

/** Until a little after the next minute begins, so that the clock is surely past it. */
export function untilNextMinuteMs(now: Date): number {
  return MINUTE_MS - (now.getTime() % MINUTE_MS) + 50
}

/**
 * Fires all schedules that are due in this minute, each once however many servers look: the first that writes the minute down does it. Minutes in
 * which no server looked are not made up. Answers how many fired.
 */
export async function fireSchedules(deps: ScheduleDeps, signal: AbortSignal): Promise<number> {
  const now = deps.now()
  const minute = new Date(Math.floor(now.getTime() / MINUTE_MS) * MINUTE_MS)
  const enabled = await deps.store.db
    .selectFrom('schedules')
    .selectAll()
    .where('enabled', '=', true)
    .where('deleted_at', 'is', null)
    .where(eb => eb.or([eb('expiration_date', 'is', null), eb('expiration_date', '>', now)]))
    .execute()
  let fired = 0
  for (const schedule of enabled) {
    if (!firesAt(schedule.timetable, minute)) continue
    if (await fireOnce(deps, schedule, { minute, signal })) fired += 1
  }
  await deps.store.db
    .deleteFrom('firings')
    .where('minute', '<', new Date(now.getTime() - REMEMBERED_MS))
    .execute()
  return fired
}

async function fireOnce(
  deps: ScheduleDeps,
  schedule: ScheduleRow,
  { minute, signal }: { minute: Date; signal: AbortSignal },
): Promise<boolean> {
  const { db } = deps.store
  const row = { timetable_id: schedule.id, minute }
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('firings')
    .values(row)
    .onConflict(conflict => conflict.doNothing())
    .executeTakeFirst()
  if (numInsertedOrUpdatedRows !== 1n) return false
  const outcome = await execute(deps, schedule, signal)
  deps.log.info({ schedule: schedule.id, transfer: schedule.transfer_id, outcome }, 'schedule fired')
  await db.updateTable('schedules').set({ fired_at: minute, outcome }).where('id', '=', schedule.id).execute()
  return true
}

/** Runs as the user who made the schedule, if he still may. What came of it stands on the schedule and in the log. */
async function execute(deps: ScheduleDeps, schedule: ScheduleRow, signal: AbortSignal): Promise<string> {
  const { project_id: projectId, user_id: userId } = schedule
  try {
    const roles = await deps.identity.rolesOf(userId, projectId, signal)
    if (!mayAct(roles, 'member')) throw new InstarError('api.forbidden', `user ${userId} has no role in project ${projectId} any more`)
    const request = {
      transferId: schedule.transfer_id,
      asker: { projectId, userId },
      shutdownInstances: schedule.shutdown_instance,
      autoDeploy: schedule.auto_deploy,
    }
    return `started ${await deps.store.transact(trx => startExecution(deps, trx, request), signal)}`
  } catch (error) {
    if (error instanceof InstarError) return `skipped: ${error.message}`
    deps.log.error({ error, schedule: schedule.id }, 'a schedule could not fire')
    return 'failed: see the log'
  }
}
