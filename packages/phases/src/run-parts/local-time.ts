import { spawnSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'

/** A time zone at one moment. */
interface Zone {
  /** Minutes east of Greenwich. */
  readonly offsetMinutes: number
  /** `CET`, `UTC`, `-03`. */
  readonly name: string
}

const UTC: Zone = { offsetMinutes: 0, name: 'UTC' }
/** After so many milliseconds the zone is asked again: a run may outlive the change to summer time. */
const ZONE_AGE_MS = 60_000

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Writes moments in local time by the rules of C's TZ, which Node does not know in full (`TZ=UTC-9`, the short names of zones). */
export interface LocalTime {
  /** As date(1) prints it in the C locale: `Sat Nov  2 00:59:53 UTC 2026`. */
  date(at: Date): string
  /** `2026-11-22 00:59:53,177`. */
  stamp(at: Date): string
}

export function createLocalTime(environment: NodeJS.ProcessEnv): LocalTime {
  const isAlwaysUtc = zoneIsUtc(environment['TZ'])
  let zone = UTC
  let askedAt = Number.NEGATIVE_INFINITY
  const local = (at: Date) => {
    if (!isAlwaysUtc && at.getTime() - askedAt > ZONE_AGE_MS) {
      zone = askZone(environment)
      askedAt = at.getTime()
    }
    // Read by the getters for UTC from here on.
    return new Date(at.getTime() + zone.offsetMinutes * 60_000)
  }
  return {
    date: at => {
      const day = local(at)
      const date = `${DAYS[day.getUTCDay()]} ${MONTHS[day.getUTCMonth()]} ${String(day.getUTCDate()).padStart(2)}`
      return `${date} ${day.toISOString().slice(11, 19)} ${zone.name} ${day.getUTCFullYear()}`
    },
    stamp: at => local(at).toISOString().slice(0, 23).replace('T', ' ').replace('.', ','),
  }
}

/** The common case, in which nothing needs to be asked. */
function zoneIsUtc(tz: string | undefined): boolean {
  if (tz !== undefined) return ['', 'UTC', 'UTC0', 'Etc/UTC', ':UTC'].includes(tz)
  try {
    return /\/zoneinfo\/(Etc\/)?UTC$/.test(readlinkSync('/etc/localtime'))
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

function askZone(environment: NodeJS.ProcessEnv): Zone {
  const { stdout } = spawnSync('date', ['+%z %Z'], { env: { ...environment, LC_ALL: 'C' }, encoding: 'utf8' })
  const [, sign, hours, minutes, name] = /^([+-])(\d\d)(\d\d) (\S+)$/m.exec(stdout ?? '') ?? []
  if (name === undefined) return UTC
  return { offsetMinutes: (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1), name }
}
