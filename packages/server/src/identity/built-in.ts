import { rolesIn, Tokens } from './tokens.ts'
import type { Store } from '@instar/store'
import { grantRoutes } from './grant-routes.ts'
import type { Identity } from './identity.ts'
import type { PasswordCost } from './password.ts'
import { projectRoutes } from './project-routes.ts'
import { tokenRoutes } from './token-routes.ts'
import { userRoutes } from './user-routes.ts'

export interface BuiltInOptions {
  readonly store: Store
  readonly now: () => Date
  readonly publicUrl: string | undefined
  readonly tokenLifetimeMs: number
  readonly passwordCost: PasswordCost
}

/** Identity v3 of our own: local users, projects and roles. */
export function createBuiltInIdentity(options: BuiltInOptions): { identity: Identity; routes: ReturnType<typeof identityRoutes> } {
  const tokens = new Tokens(options.store, options.now)
  const identity: Identity = {
    authenticate: token => tokens.find(token),
    rolesOf: async (userId, projectId) => {
      const user = await options.store.db.selectFrom('users').select('enabled').where('id', '=', userId).executeTakeFirst()
      const project = await options.store.db.selectFrom('projects').select('enabled').where('id', '=', projectId).executeTakeFirst()
      return user?.enabled === true && project?.enabled === true ? rolesIn(options.store.db, userId, projectId) : []
    },
    [Symbol.asyncDispose]: () => tokens[Symbol.asyncDispose](),
  }
  return { identity, routes: identityRoutes({ ...options, tokens }) }
}

function identityRoutes(deps: BuiltInOptions & { readonly tokens: Tokens }) {
  return { ...tokenRoutes(deps), ...projectRoutes(deps), ...userRoutes(deps), ...grantRoutes(deps) }
}
