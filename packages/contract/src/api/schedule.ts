import * as z from 'zod/mini'
import { documented, rowTimes } from './wire.ts'

const field = (min: number, max: number) => z.optional(z.int().check(z.minimum(min), z.maximum(max)))

/** When a schedule fires: every field that is given equals the UTC clock; `dow` 0 is Monday. No fields: every minute. */
export const Timetable = z
  .object({ minute: field(0, 59), hour: field(0, 23), dom: field(1, 31), month: field(1, 12), dow: field(0, 6) })
  .register(documented, { id: 'Timetable' })
export type Timetable = z.infer<typeof Timetable>

export const Schedule = z
  .object({
    id: z.string(),
    transfer_id: z.string(),
    schedule: Timetable,
    enabled: z.boolean(),
    expiration_date: z.nullable(z.string()),
    shutdown_instance: z.boolean(),
    auto_deploy: z.boolean(),
    trust_id: z.nullable(z.string()),
    ...rowTimes,
  })
  .register(documented, { id: 'Schedule' })
export type Schedule = z.infer<typeof Schedule>

const settings = {
  enabled: z.nullish(z.boolean()),
  expiration_date: z.nullish(z.string().check(z.maxLength(64))),
  shutdown_instance: z.nullish(z.boolean()),
  auto_deploy: z.nullish(z.boolean()),
}

/** In a leap year: 29 February comes, if seldom. */
const DAYS_OF_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const

/** A field out of its range is told by itself. */
const hasItsDay = ({ dom = 1, month = 1 }: Timetable): boolean => dom > 31 || dom <= (DAYS_OF_MONTH[month - 1] ?? 31)

/** A timetable that a user gives: one of a day that no calendar has is refused, as it would never fire. */
const GivenTimetable = Timetable.check(
  z.refine(hasItsDay, {
    error: ({ input }) => {
      const { dom, month } = input as Timetable
      return `would never fire: month ${month} has no day ${dom}`
    },
  }),
)

/** The whole body of the request: schedules have no envelope there, only in answers. */
export const ScheduleCreate = z.object({ schedule: GivenTimetable, ...settings })
export type ScheduleCreate = z.infer<typeof ScheduleCreate>

/** `schedule` is replaced as a whole; `expiration_date: null` clears it; other nulls change nothing. */
export const ScheduleUpdate = z.object({ schedule: z.nullish(GivenTimetable), ...settings })
export type ScheduleUpdate = z.infer<typeof ScheduleUpdate>
