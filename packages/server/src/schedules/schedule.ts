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
  const time = readTime(text)
  if (time === undefined) throw new InstarError('api.bad-request', `"expiration_date" is no time in ISO 8601: ${text}`)
  if (time <= now) throw new InstarError('api.bad-request', `"expiration_date" is in the past: ${text}`)
  return time
}

/** The extended and the basic form, with "T" or a space; a fraction of a second is left out. */
const ISO_TIME =
  /^(?<date>\d{4}(?<dash>-?)\d\d\k<dash>\d\d)(?:[T ](?<time>\d\d:?\d\d(?::?\d\d)?)(?:[.,]\d+)?(?<zone>Z|[+-]\d\d(?::?\d\d)?)?)?$/i

function readTime(text: string): Date | undefined {
  const { date, time, zone = 'Z' } = ISO_TIME.exec(text.trim())?.groups ?? {}
  if (date === undefined) return undefined
  const [year = '', month = '', day = ''] = /^(....)(..)(..)$/.exec(date.replaceAll('-', ''))?.slice(1) ?? []
  const [hour = '00', minute = '00', second = '00'] = time?.replaceAll(':', '').match(/../g) ?? []
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`
  // A day that no calendar has becomes another one.
  const asUtc = new Date(`${local}Z`)
  if (Number.isNaN(asUtc.getTime()) || asUtc.toISOString().slice(0, 19) !== local) return undefined
  const [offsetHours = '00', offsetMinutes = '00'] = zone.replace(/[Z:+-]/gi, '').match(/../g) ?? []
  const offsetMs = (zone.startsWith('-') ? -1 : 1) * (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000
  return new Date(asUtc.getTime() - offsetMs)
}
