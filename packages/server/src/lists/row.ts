import { InstarError } from '@instar/contract'
import { wireTime, wireTimeOrNull } from '@instar/contract/api'

/** Whether a text can be the id of one of our rows. PostgreSQL refuses any other in a comparison, where the answer is "not found". */
export function isUuid(id: string): boolean {
  return /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(id)
}

/** What no row has: look-ups for a text that is no id find nothing. */
const NO_ID = '00000000-0000-0000-0000-000000000000'

export function rowId(id: string): string {
  return isUuid(id) ? id : NO_ID
}

export function notFound(what: string, id: string): InstarError {
  return new InstarError('api.not-found', `${what} ${id} was not found`)
}

interface RowTimes {
  readonly id: string
  readonly created_at: Date
  readonly updated_at: Date | null
  readonly deleted_at?: Date | null
}

/** The times of a row, as every object of the wire has them. */
export function timesOf({ id, created_at, updated_at, deleted_at = null }: RowTimes) {
  return {
    created_at: wireTime(created_at),
    updated_at: wireTimeOrNull(updated_at),
    deleted_at: wireTimeOrNull(deleted_at),
    deleted: deleted_at === null ? '0' : id,
  }
}
