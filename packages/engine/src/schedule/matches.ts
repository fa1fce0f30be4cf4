/** When a schedule fires, in UTC; what is absent matches always, and all that is given must match (coriolis-api.md 5.8). */
export interface TimetableFields {
  readonly minute?: number | undefined
  readonly hour?: number | undefined
  /** Day of the month, from 1. */
  readonly dom?: number | undefined
  /** From 1. */
  readonly month?: number | undefined
  /** Day of the week: 0 is Monday. */
  readonly dow?: number | undefined
}

export function matches(fields: TimetableFields, at: Date): boolean {
  const now: Required<TimetableFields> = {
    minute: at.getUTCMinutes(),
    hour: at.getUTCHours(),
    dom: at.getUTCDate(),
    month: at.getUTCMonth() + 1,
    // JavaScript's week begins on Sunday.
    dow: (at.getUTCDay() + 6) % 7,
  }
  return (Object.keys(now) as (keyof TimetableFields)[]).every(key => fields[key] === undefined || fields[key] === now[key])
}
