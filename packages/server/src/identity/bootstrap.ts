import { sql } from 'kysely'
import type { Store } from '@instar/store'
import { generatePassword, hashPassword, type PasswordCost } from './password.ts'
import { newKeystoneId } from './people.ts'
import { addUser } from './user-routes.ts'

/** What the first start made; the password is known only now, and only when it was not given. */
export type Bootstrap = { readonly kind: 'already-there' } | { readonly kind: 'made'; readonly generatedPassword: string | undefined }

/** Any number that nothing else in the database locks. */
const LOCK_KEY = 4_711_010_502

/** Makes project `admin` and user `admin` when there is no user yet; of two servers that start at once one does. */
export async function bootstrapIdentity(
  store: Store,
  options: { adminPassword: string | undefined; passwordCost: PasswordCost },
): Promise<Bootstrap> {
  const password = options.adminPassword ?? generatePassword()
  return store.db.transaction().execute(async trx => {
    await sql`select pg_advisory_xact_lock(${LOCK_KEY})`.execute(trx)
    const someone = await trx.selectFrom('users').select('id').limit(1).executeTakeFirst()
    if (someone !== undefined) return { kind: 'already-there' }
    const project = { id: newKeystoneId(), name: 'admin', description: 'Made at the first start' }
    await trx.insertInto('projects').values(project).execute()
    const user = await addUser(trx, {
      name: 'admin',
      password_hash: await hashPassword(password, options.passwordCost),
      email: null,
      description: 'Made at the first start',
      enabled: true,
      default_project_id: project.id,
    })
    await trx.insertInto('role_assignments').values({ user_id: user.id, project_id: project.id, role: 'admin' }).execute()
    return { kind: 'made', generatedPassword: options.adminPassword === undefined ? password : undefined }
  })
}
