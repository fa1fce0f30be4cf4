import { isTransientDatabaseError } from './transient.ts'

/** What came out of our own connections: a platform that a step works with may refuse a connection with the very same codes. */
const databaseErrors = new WeakSet<object>()

/** Remembers the error of a call to the database, and throws it on. */
export async function fromDatabase<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (error instanceof Error) databaseErrors.add(error)
    throw error
  }
}

/** Whether this error, or what caused it, says that our database was away or that we lost a race there: the same work may succeed later. */
export function wasDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return (databaseErrors.has(error) && isTransientDatabaseError(error)) || wasDatabaseAway(error.cause)
}
