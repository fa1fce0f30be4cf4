import { randomBytes } from 'node:crypto'

/** A name for a run that sorts by time and that a person can type: `20261122-0213-4f9a1c`. */
export function newRunId(now: Date): string {
  const [date = '', time = ''] = now.toISOString().split('T')
  return `${date.replaceAll('-', '')}-${time.slice(0, 5).replace(':', '')}-${randomBytes(3).toString('hex')}`
}
