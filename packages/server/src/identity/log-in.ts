import { InstarError } from '@instar/contract'
import type { TokenRequest } from '@instar/contract/api'
import type { Store } from '@instar/store'
import { createLoginLimit } from './login-limit.ts'
import { hashPassword, verifyPassword, type PasswordCost } from './password.ts'
import { DOMAIN } from './role-objects.ts'
import { rolesIn, type StoredToken, type Tokens } from './tokens.ts'

export interface LogInDeps {
  readonly store: Store
  readonly tokens: Tokens
  readonly now: () => Date
  readonly tokenLifetimeMs: number
  readonly passwordCost: PasswordCost
}

interface Proof {
  readonly userId: string
  readonly methods: readonly string[]
  /** Of a token that was exchanged: the new one does not outlive it. */
  readonly from?: StoredToken
}

/** A user or project as a request names it. */
type Named = Pick<NonNullable<TokenRequest['auth']['identity']['password']>['user'], 'id' | 'domain'>

type LogIn = (request: TokenRequest, address: string) => Promise<{ text: string; token: StoredToken }>

/** `POST auth/tokens`: proves who asks, finds the project, makes a token. Throws `api.unauthorized`, `identity.rate-limited`. */
export function createLogIn(deps: LogInDeps): LogIn {
  const provePassword = createPasswordProof(deps)
  return async ({ auth }, address) => {
    const { methods } = auth.identity
    if (methods.some(method => method !== 'password' && method !== 'token'))
      throw refused(`the methods are password and token, not ${methods.join(', ')}`)
    const proof = methods.includes('password') ? await provePassword(auth, address) : await proveToken(deps, auth)
    const projectId = await findProject(deps, auth.scope, proof)
    const lifetimeEnd = new Date(deps.now().getTime() + deps.tokenLifetimeMs)
    const text = await deps.tokens.issue({
      userId: proof.userId,
      projectId,
      methods: proof.methods,
      expiresAt: proof.from !== undefined && proof.from.expiresAt < lifetimeEnd ? proof.from.expiresAt : lifetimeEnd,
    })
    return { text, token: await deps.tokens.find(text) }
  }
}

function createPasswordProof({ store, passwordCost }: LogInDeps) {
  const limit = createLoginLimit(store)
  // An unknown user costs the same time as a known one.
  const nobody = hashPassword('nobody', passwordCost)
  return async (auth: TokenRequest['auth'], address: string): Promise<Proof> => {
    const user = auth.identity.password?.user
    if (user === undefined) throw new InstarError('api.bad-request', 'the key "auth.identity.password.user" is missing')
    const attempt = { user: user.id ?? user.name ?? '', address }
    await limit.check(attempt)
    const row = await store.db
      .selectFrom('users')
      .select(['id', 'password_hash', 'enabled'])
      .where(user.id === undefined ? 'name' : 'id', '=', attempt.user)
      .executeTakeFirst()
    const fits = await verifyPassword(user.password, row?.password_hash ?? (await nobody))
    if (row !== undefined && fits && row.enabled && isInDomain(user)) return { userId: row.id, methods: ['password'] }
    await limit.failed(attempt)
    throw refused('wrong user, password or domain')
  }
}

async function proveToken({ tokens }: LogInDeps, auth: TokenRequest['auth']): Promise<Proof> {
  const from = await tokens.find(auth.identity.token?.id)
  return { userId: from.userId, methods: [...new Set([...from.methods, 'token'])], from }
}

/** The project of the token: the one asked for, else the user's default. Unscoped when it is asked for, or there is none. */
async function findProject({ store }: LogInDeps, scope: TokenRequest['auth']['scope'], proof: Proof): Promise<string | null> {
  if (scope === 'unscoped' || (typeof scope === 'object' && scope !== null && 'unscoped' in scope && scope.unscoped !== undefined))
    return null
  if (scope?.domain !== undefined || scope?.system !== undefined) throw refused('tokens are for projects, not for domains or the system')
  const asked = scope?.project
  if (asked === undefined) {
    const { default_project_id } = await store.db
      .selectFrom('users')
      .select('default_project_id')
      .where('id', '=', proof.userId)
      .executeTakeFirstOrThrow()
    return default_project_id !== null && (await rolesIn(store.db, proof.userId, default_project_id)).length > 0 ? default_project_id : null
  }
  const project = await store.db
    .selectFrom('projects')
    .select(['id', 'enabled'])
    .where(asked.id === undefined ? 'name' : 'id', '=', asked.id ?? asked.name ?? '')
    .executeTakeFirst()
  if (project?.enabled === true && isInDomain(asked) && (await rolesIn(store.db, proof.userId, project.id)).length > 0) return project.id
  throw refused(`there is no project "${asked.name ?? asked.id ?? ''}" in which you have a role`)
}

/** Ids are unique in all domains; a name belongs to one, and there is one alone. */
function isInDomain({ id, domain }: Named): boolean {
  const named = domain?.id ?? domain?.name ?? DOMAIN.id
  return id !== undefined || named === DOMAIN.id || named.toLowerCase() === DOMAIN.name.toLowerCase()
}

function refused(why: string): InstarError {
  return new InstarError('api.unauthorized', `the request you have made requires authentication: ${why}`)
}
