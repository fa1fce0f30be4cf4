import { createHash } from 'node:crypto'
import { InstarError, type Log } from '@instar/contract'
import { ROLES, type Role, type TokenAnswer } from '@instar/contract/api'
import type { Caller } from '../http/call.ts'
import type { Identity } from './identity.ts'

export interface KeystoneSettings {
  /** With the version: `https://keystone.example.org:5000/v3`. */
  readonly url: string
  /** How long a valid token is believed without asking again: the time for which a revocation goes unseen. */
  readonly believedMs: number
  /** Who looks up roles for schedules; without it schedules do not fire. */
  readonly serviceUser?: { readonly name: string; readonly password: string; readonly domain: string; readonly project: string } | undefined
}

const REQUEST_TIMEOUT_MS = 10_000
const MAX_BELIEVED = 10_000

interface Believed {
  readonly caller: Caller
  readonly until: number
}

/** Identity by a real Keystone: tokens are validated there, by themselves, and believed for a short time. */
export function createKeystoneIdentity({ settings, now, log }: { settings: KeystoneSettings; now: () => Date; log: Log }): Identity {
  const believed = new Map<string, Believed>()
  const keystone = settings.url.replace(/\/+$/, '')
  return {
    authenticate: async token => {
      if (token === undefined || token === '')
        throw new InstarError('api.unauthorized', 'this server could not verify that you may do this: a token is needed')
      const key = createHash('sha256').update(token).digest('base64')
      const time = now().getTime()
      const known = believed.get(key)
      if (known !== undefined && known.until > time) return known.caller
      believed.delete(key)
      const answer = await ask(`${keystone}/auth/tokens`, { headers: { 'x-auth-token': token, 'x-subject-token': token } })
      if (answer.status === 401 || answer.status === 404) throw new InstarError('api.unauthorized', 'the token is not valid, or no longer')
      if (answer.status !== 200) throw upstream(`it answered ${answer.status} when a token was validated`)
      const { caller, expiresAt } = readToken(await answer.json())
      if (expiresAt <= time) throw new InstarError('api.unauthorized', 'the token has expired')
      if (believed.size >= MAX_BELIEVED) believed.clear()
      believed.set(key, { caller, until: Math.min(time + settings.believedMs, expiresAt) })
      return caller
    },
    rolesOf: async (userId, projectId, signal) => {
      const { serviceUser } = settings
      if (serviceUser === undefined) {
        log.warn({ user: userId, project: projectId }, 'no service user is configured, so roles cannot be looked up')
        return []
      }
      const token = await logIn(keystone, serviceUser)
      const query = `user.id=${encodeURIComponent(userId)}&scope.project.id=${encodeURIComponent(projectId)}&effective&include_names`
      const answer = await ask(`${keystone}/role_assignments?${query}`, { headers: { 'x-auth-token': token }, signal })
      if (answer.status !== 200) throw upstream(`it answered ${answer.status} when roles were looked up`)
      const { role_assignments: assignments } = (await answer.json()) as { role_assignments: { role: { name?: string } }[] }
      return ROLES.filter(role => assignments.some(assignment => assignment.role.name?.toLowerCase() === role)) satisfies Role[]
    },
    [Symbol.asyncDispose]: async () => believed.clear(),
  }
}

async function logIn(keystone: string, { name, password, domain, project }: NonNullable<KeystoneSettings['serviceUser']>): Promise<string> {
  const user = { name, password, domain: { name: domain } }
  const scope = { project: { name: project, domain: { name: domain } } }
  const body = JSON.stringify({ auth: { identity: { methods: ['password'], password: { user } }, scope } })
  const answer = await ask(`${keystone}/auth/tokens?nocatalog`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const token = answer.headers.get('x-subject-token')
  if (answer.status !== 201 || token === null) throw upstream(`it answered ${answer.status} to the log-in of the service user`)
  return token
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  const limit = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
  try {
    return await fetch(url, { redirect: 'error', ...init, signal: init.signal ? AbortSignal.any([init.signal, limit]) : limit })
  } catch (cause) {
    throw new InstarError('identity.upstream-failed', 'Keystone cannot be reached', { cause })
  }
}

function readToken(body: unknown): { caller: Caller; expiresAt: number } {
  const { token } = body as TokenAnswer
  const expiresAt = token.expires_at === null ? Infinity : Date.parse(token.expires_at)
  // Keystone compares names of roles without case.
  const roles = (token.roles ?? []).map(role => role.name.toLowerCase())
  const caller = { userId: token.user.id, userName: token.user.name, projectId: token.project?.id ?? null, roles }
  const keyManager = token.catalog?.find(({ type }) => type === 'key-manager')
  const keyManagerUrl = keyManager?.endpoints.find(one => one.interface === 'public')?.url
  return { caller: { ...caller, ...(keyManagerUrl === undefined ? {} : { keyManagerUrl }) }, expiresAt }
}

function upstream(what: string): InstarError {
  return new InstarError('identity.upstream-failed', `Keystone cannot be used: ${what}`)
}
