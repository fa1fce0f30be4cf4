import type { FastifyRequest } from 'fastify'
import { InstarError } from '@instar/contract'
import { mayAct, type RouteName, type UserUpdate } from '@instar/contract/api'
import type { Store } from '@instar/store'
import type { Caller, Handlers } from '../http/call.ts'
import { baseUrlOf } from './base-url.ts'
import { hashPassword, verifyPassword, type PasswordCost } from './password.ts'
import { listLinks, projectObject, userObject } from './people-wire.ts'
import { changePeople, newKeystoneId, refuseTaken, requireAnAdmin, requireProject, requireUser, type PeopleDeps } from './people.ts'

interface UserRouteDeps extends PeopleDeps {
  readonly publicUrl: string | undefined
  readonly passwordCost: PasswordCost
}

export function userRoutes(deps: UserRouteDeps) {
  const { db } = deps.store
  const base = (request: FastifyRequest) => baseUrlOf(request, deps.publicUrl)
  return {
    'users.list': async ({ query, request }) => {
      const all = db.selectFrom('users').selectAll().orderBy('name')
      const rows = await (query.name === undefined ? all : all.where('name', '=', query.name)).execute()
      return { users: rows.map(row => userObject(row, base(request))), links: listLinks(base(request), '/users') }
    },
    'users.create': async ({ body, request }) => {
      const { name, password, email, description, enabled, default_project_id } = body.user
      if (default_project_id) await requireProject(db, default_project_id)
      const row = await addUser(db, {
        name,
        password_hash: await hashPassword(password, deps.passwordCost),
        email: email ?? null,
        description: description ?? '',
        enabled: enabled ?? true,
        default_project_id: default_project_id ?? null,
      })
      return { user: userObject(row, base(request)) }
    },
    'users.show': async ({ params, caller, request }) => {
      requireSelfOrAdmin(caller, params.user_id)
      return { user: userObject(await requireUser(db, params.user_id), base(request)) }
    },
    'users.update': async ({ params, body, request }) => ({
      user: userObject(await updateUser(deps, params.user_id, body.user), base(request)),
    }),
    'users.delete': async ({ params }) => {
      await changePeople(deps, async trx => {
        const { id } = await requireUser(trx, params.user_id)
        await trx.deleteFrom('users').where('id', '=', id).execute()
        await requireAnAdmin(trx)
      })
    },
    'users.password': async ({ params, body, caller }) => {
      if (caller.userId !== params.user_id) throw new InstarError('api.not-found', `user ${params.user_id} was not found`)
      await changeOwnPassword(deps, caller.userId, body.user)
    },
    'users.projects': async ({ params, caller, request }) => {
      requireSelfOrAdmin(caller, params.user_id)
      const ofUser = db.selectFrom('role_assignments').select('project_id').where('user_id', '=', params.user_id)
      const rows = await db.selectFrom('projects').selectAll().where('id', 'in', ofUser).orderBy('name').execute()
      return {
        projects: rows.map(row => projectObject(row, base(request))),
        links: listLinks(base(request), `/users/${params.user_id}/projects`),
      }
    },
  } satisfies Partial<Handlers<RouteName>>
}

async function updateUser(deps: UserRouteDeps, userId: string, change: UserUpdate) {
  const { password, name, email, description, enabled, default_project_id } = change
  const password_hash = password ? await hashPassword(password, deps.passwordCost) : undefined
  return changePeople(deps, async trx => {
    const old = await requireUser(trx, userId)
    if (default_project_id) await requireProject(trx, default_project_id)
    const values = {
      name: name ?? old.name,
      email: email === undefined ? old.email : email,
      description: description ?? old.description,
      enabled: enabled ?? old.enabled,
      default_project_id: default_project_id === undefined ? old.default_project_id : default_project_id,
      password_hash: password_hash ?? old.password_hash,
      updated_at: deps.now(),
    }
    if (password_hash !== undefined) await trx.deleteFrom('tokens').where('user_id', '=', old.id).execute()
    const update = trx.updateTable('users').set(values).where('id', '=', old.id).returningAll()
    const row = await refuseTaken('user', update.executeTakeFirstOrThrow())
    await requireAnAdmin(trx)
    return row
  })
}

async function changeOwnPassword(
  deps: UserRouteDeps,
  userId: string,
  change: { password: string; original_password: string },
): Promise<void> {
  const { password_hash } = await requireUser(deps.store.db, userId)
  if (!(await verifyPassword(change.original_password, password_hash)))
    throw new InstarError('api.forbidden', 'the original password is wrong')
  const changed = await hashPassword(change.password, deps.passwordCost)
  await changePeople(deps, async trx => {
    await trx.updateTable('users').set({ password_hash: changed, updated_at: deps.now() }).where('id', '=', userId).execute()
    await trx.deleteFrom('tokens').where('user_id', '=', userId).execute()
  })
}

/** Others are "not found", so that nobody can find out who there is. */
function requireSelfOrAdmin(caller: Caller, userId: string): void {
  if (caller.userId !== userId && !mayAct(caller.roles, 'admin')) throw new InstarError('api.not-found', `user ${userId} was not found`)
}

interface NewUser {
  readonly name: string
  readonly password_hash: string
  readonly email: string | null
  readonly description: string
  readonly enabled: boolean
  readonly default_project_id: string | null
}

export async function addUser(db: Store['db'], user: NewUser) {
  const insert = db
    .insertInto('users')
    .values({ id: newKeystoneId(), ...user })
    .returningAll()
  return refuseTaken('user', insert.executeTakeFirstOrThrow())
}
