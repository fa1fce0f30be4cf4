import { sql } from 'kysely'
import { InstarError } from '@instar/contract'
import { mayAct } from '@instar/contract/api'
import type { TimetableOptions } from '@instar/engine'
import type { ApiDeps, Trx } from '../api-deps.ts'
import { startExecution } from '../executions/start-execution.ts'
import type { Identity } from '../identity/identity.ts'
import type { ScheduleRow } from '../schedules/schedule.ts'

export interface ScheduleDeps extends ApiDeps {
  readonly identity: Identity
}

/** The schedules of all transfers, for the engine's timetable: that fires each once in a minute, among all servers. */
export function scheduleTimetable(deps: ScheduleDeps, signal: AbortSignal): TimetableOptions {
  return {
    store: deps.store,
    log: deps.log,
    clock: () => deps.now().getTime(),
    list: async (db, now) => {
      const rows = await db
        .selectFrom('schedules')
        .selectAll()
        .where('enabled', '=', true)
        .where('deleted_at', 'is', null)
        .where(eb => eb.or([eb('expiration_date', 'is', null), eb('expiration_date', '>', now)]))
        .execute()
      return rows.map(row => ({ id: row.id, fields: row.timetable, since: row.updated_at ?? row.created_at }))
    },
    fire: async (trx, id, minute) => {
      const schedule = await trx.selectFrom('schedules').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
      const outcome = await fire(deps, trx, schedule, signal)
      deps.log.info({ schedule: id, transfer: schedule.transfer_id, outcome }, 'schedule fired')
      await trx.updateTable('schedules').set({ fired_at: minute, outcome }).where('id', '=', id).execute()
    },
  }
}

/** Runs as the user who made the schedule, if he still may. What came of it stands on the schedule and in the log. */
async function fire(deps: ScheduleDeps, trx: Trx, schedule: ScheduleRow, signal: AbortSignal): Promise<string> {
  const { project_id: projectId, user_id: userId } = schedule
  // What a refused start has begun is undone; that the schedule had its turn stays.
  await sql`savepoint fire`.execute(trx)
  try {
    const roles = await deps.identity.rolesOf(userId, projectId, signal)
    if (!mayAct(roles, 'member')) throw new InstarError('api.forbidden', `user ${userId} has no role in project ${projectId} any more`)
    const id = await startExecution(deps, trx, {
      transferId: schedule.transfer_id,
      asker: { projectId, userId },
      shutdownInstances: schedule.shutdown_instance,
      autoDeploy: schedule.auto_deploy,
    })
    return `started execution ${id}`
  } catch (error) {
    if (!(error instanceof InstarError)) throw error
    await sql`rollback to savepoint fire`.execute(trx)
    return `skipped: ${error.message}`
  }
}
