import { InstarError } from '@instar/contract/errors'
import { readText, send } from './http.ts'
import { refusalOf } from './refusal.ts'
import type { SessionSettings } from './settings.ts'
import type { Login } from './token-cache.ts'

interface TokenBody {
  readonly token: {
    readonly expires_at: string | null
    readonly user: { readonly id: string; readonly name: string }
    readonly project?: { readonly id: string; readonly name: string }
    readonly roles?: readonly { readonly name: string }[]
    readonly catalog?: readonly CatalogEntry[]
  }
}

interface CatalogEntry {
  readonly type: string
  readonly endpoints: readonly { readonly interface: string; readonly region_id?: string | null; readonly url: string }[]
}

/** Gets a token for the project from Keystone's v3 API, ours or a real one's; `password` is asked for by the caller where it was not given. */
export async function logIn(settings: SessionSettings, password: string, signal: AbortSignal): Promise<Login> {
  const { credentials, project, tls } = settings
  const identity =
    credentials.kind === 'token'
      ? { methods: ['token'], token: { id: credentials.token } }
      : { methods: ['password'], password: { user: { ...credentials.user, password } } }
  const url = new URL(`${settings.authUrl}/auth/tokens`)
  const answer = await send({ method: 'POST', url, body: { auth: { identity, scope: { project } } }, signal, tls })
  const text = await readText(answer)
  const status = answer.statusCode ?? 0
  if (status === 401) throw refusedLogin(settings, text)
  if (status === 404) throw notIdentity(url, refusalOf(status, text, `POST ${url.pathname}`))
  if (status >= 400) throw refusalOf(status, text, `POST ${url.pathname}`)
  const token = answer.headers['x-subject-token']
  if (typeof token !== 'string') throw notIdentity(url)
  return loginOf(token, parseToken(text, url), settings)
}

function loginOf(token: string, body: TokenBody, settings: SessionSettings): Login {
  const { expires_at, user, project, roles = [], catalog = [] } = body.token
  if (project === undefined) {
    throw new InstarError('service.not-authenticated', `the token of ${user.name} is for no project`, {
      hint: 'Name one with --project or OS_PROJECT_NAME.',
    })
  }
  const api = urlOf(catalog, 'migration', settings.region)
  const logger = urlOf(catalog, 'coriolis-logger', settings.region)
  return {
    token,
    expires_at,
    user: { id: user.id, name: user.name },
    project: { id: project.id, name: project.name },
    roles: roles.map(role => role.name),
    ...(api === undefined ? {} : { api_url: api }),
    ...(logger === undefined ? {} : { logger_url: logger }),
  }
}

function urlOf(catalog: readonly CatalogEntry[], type: string, region: string | undefined): string | undefined {
  return catalog
    .filter(entry => entry.type === type)
    .flatMap(entry => entry.endpoints)
    .find(entry => entry.interface === 'public' && (region === undefined || entry.region_id === region))
    ?.url.replace(/\/+$/, '')
}

function parseToken(text: string, url: URL): TokenBody {
  try {
    const body = JSON.parse(text) as Partial<TokenBody>
    if (body.token?.user !== undefined) return { token: body.token }
  } catch {
    // Not JSON: told below as what it is, a server of another kind.
  }
  throw notIdentity(url)
}

function notIdentity(url: URL, cause?: Error): InstarError {
  return new InstarError('service.bad-answer', `${url.href} answered, but not as an identity service does`, {
    hint: `OS_AUTH_URL is the address of Identity v3; that of Instar has a path: ${url.origin}/identity/v3.`,
    cause,
  })
}

function refusedLogin({ credentials, project, authUrl }: SessionSettings, text: string): InstarError {
  const who = credentials.kind === 'token' ? 'the token' : `user ${credentials.user.name ?? credentials.user.id}`
  const { message } = refusalOf(401, text, 'the log-in')
  return new InstarError('service.not-authenticated', `${authUrl} does not let ${who} into project ${project.name ?? project.id}`, {
    cause: new Error(message),
  })
}
