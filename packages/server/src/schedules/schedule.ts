import type { Selectable } from 'kysely'
import { InstarError } from '@instar/contract'
import { wireTime, type Schedule } from '@instar/contract/api'
import type { Database } from '@instar/store'
import type { Db } from '../api-deps.ts'
import { notFound, rowId, timesOf } from '../lists/row.ts'

export type ScheduleRow = Selectable<Database['schedules']>

export async function requireSchedule(db: Db, of: { projectId: string; transferId: string; id: string }): Promise<ScheduleRow> {
  const row = await db
    .selectFrom('schedules')
    .selectAll()
    .where('id', '=', rowId(of.id))
    .where('transfer_id', '=', rowId(of.transferId))
    .where('project_id', '=', of.projectId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (row === undefined) throw notFound('schedule', `${of.id} of transfer ${of.transferId}`)
  return row
}

export function scheduleObject(row: ScheduleRow): Schedule {
  return {
    id: row.id,
    transfer_id: row.transfer_id,
    schedule: row.timetable,
    enabled: row.enabled,
    expiration_date: row.expiration_date === null ? null : wireTime(row.expiration_date),
    shutdown_instance: row.shutdown_instance,
    auto_deploy: row.auto_deploy,
    // Work runs as the schedule's owner, whose roles are looked up when it fires: there is no trust to name.
    trust_id: null,
    ...timesOf(row),
  }
}

/** ISO 8601; a time without a zone is UTC; stored in whole seconds. Throws `api.bad-request` for nonsense and for the past. */
export function readExpiration(text: string | null, now: Date): Date | null {
  if (text === null) return null
  const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/i.test(text)
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(hasZone || !text.includes('T') ? text : `${text}Z`) : new Date(Number.NaN)
  if (Number.isNaN(time.getTime())) throw new InstarError('api.bad-request', `"expiration_date" is no time in ISO 8601: ${text}`)
  if (time <= now) throw new InstarError('api.bad-request', `"expiration_date" is in the past: ${text}`)
  return new Date(Math.floor(time.getTime() / 1000) * 1000)
}
