import { randomBytes } from 'node:crypto'
import { InstarError } from '@instar/contract'
import type { Store } from '@instar/store'
import type { Tokens } from './tokens.ts'

export interface PeopleDeps {
  readonly store: Store
  readonly tokens: Tokens
  readonly now: () => Date
}

/** 32 hex digits, as Keystone's ids. */
export function newKeystoneId(): string {
  return randomBytes(16).toString('hex')
}

/** Changes that may take somebody's access away: in one transaction with the word to every process to ask anew. */
export async function changePeople<T>({ store, tokens }: PeopleDeps, change: (trx: Store['db']) => Promise<T>): Promise<T> {
  const result = await store.db.transaction().execute(async trx => {
    const result = await change(trx)
    await tokens.forget(trx)
    return result
  })
  // Again after the commit: a request in between may have believed the old state.
  await tokens.forget(store.db)
  return result
}

/** Turns the database's word on a name that is taken into ours. */
export async function refuseTaken<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    // The cause would show the user the words of PostgreSQL, which tell him nothing more.
    if ((error as { code?: unknown }).code === '23505') throw new InstarError('api.conflict', `there is a ${what} of this name already`)
    throw error
  }
}

export async function requireProject(db: Store['db'], id: string) {
  const row = await db.selectFrom('projects').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new InstarError('api.not-found', `project ${id} was not found`)
  return row
}

export async function requireUser(db: Store['db'], id: string) {
  const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new InstarError('api.not-found', `user ${id} was not found`)
  return row
}

/** Somebody must remain who can let others in. */
export async function requireAnAdmin(db: Store['db']): Promise<void> {
  const admin = await db
    .selectFrom('role_assignments')
    .innerJoin('users', 'users.id', 'role_assignments.user_id')
    .innerJoin('projects', 'projects.id', 'role_assignments.project_id')
    .select('users.id')
    .where('role', '=', 'admin')
    .where('users.enabled', '=', true)
    .where('projects.enabled', '=', true)
    .executeTakeFirst()
  if (admin === undefined) throw new InstarError('api.wrong-state', 'this would leave no user who is an admin anywhere')
}
