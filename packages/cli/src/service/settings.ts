import { InstarError } from '@instar/contract/errors'

/** The options that say which service is spoken to and as whom; each has its variable of the environment, as OpenStack's clients have them. */
export interface SessionOptions {
  readonly osAuthUrl?: string
  readonly osUsername?: string
  readonly osUserId?: string
  readonly osPassword?: string
  readonly osUserDomainName?: string
  readonly osUserDomainId?: string
  readonly osToken?: string
  readonly project?: string
  readonly osProjectName?: string
  readonly osProjectId?: string
  readonly osProjectDomainName?: string
  readonly osProjectDomainId?: string
  readonly osRegionName?: string
  readonly osCacert?: string
  readonly insecure?: boolean
  readonly endpoint?: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** Who asks: a user with his password (asked for on a terminal when it is absent), or a token got elsewhere. */
type Credentials =
  | { readonly kind: 'password'; readonly user: NameOrId; readonly password: string | undefined }
  | { readonly kind: 'token'; readonly token: string }

export interface NameOrId {
  readonly id?: string
  readonly name?: string
  readonly domain?: { readonly id: string } | { readonly name: string }
}

export interface SessionSettings {
  /** The v3 base of the identity service, without a slash at its end: `http://host/identity/v3`. */
  readonly authUrl: string
  readonly credentials: Credentials
  readonly project: NameOrId
  /** Base of the API in place of the catalog's. */
  readonly endpoint: string | undefined
  readonly region: string | undefined
  readonly tls: { readonly caFile: string | undefined; readonly insecure: boolean }
}

const DEFAULT_DOMAIN = { id: 'default' }
const LOGIN_HINT =
  'Set OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME (instar serve prints them at its first start), or give --os-auth-url and the like.'

/** Flags before the environment. Refused when it is not said where the service is, who asks, or for which project. */
export function resolveSession(options: SessionOptions, env: Environment): SessionSettings {
  const pick = (flag: string | undefined, ...names: string[]) => flag ?? names.map(name => env[name]).find(value => (value ?? '') !== '')
  const endpoint = pick(options.endpoint, 'INSTAR_ENDPOINT')
  const authUrl =
    pick(options.osAuthUrl, 'OS_AUTH_URL') ?? (endpoint === undefined ? undefined : new URL('/identity', asUrl(endpoint)).href)
  if (authUrl === undefined) throw missing('no service is named: neither --os-auth-url nor OS_AUTH_URL is given')
  return {
    authUrl: versioned(authUrl),
    credentials: credentialsOf(options, pick),
    project: projectOf(options, pick),
    endpoint,
    region: pick(options.osRegionName, 'OS_REGION_NAME'),
    tls: { caFile: pick(options.osCacert, 'OS_CACERT'), insecure: options.insecure === true },
  }
}

type Pick = (flag: string | undefined, ...names: string[]) => string | undefined

function credentialsOf(options: SessionOptions, pick: Pick): Credentials {
  // A user that a flag names stands above a token or an id that lies in the environment.
  const token = options.osToken ?? (options.osUsername === undefined ? pick(undefined, 'OS_TOKEN') : undefined)
  if (token !== undefined) return { kind: 'token', token }
  const id = options.osUserId ?? (options.osUsername === undefined ? pick(undefined, 'OS_USER_ID') : undefined)
  const name = pick(options.osUsername, 'OS_USERNAME')
  if (id === undefined && name === undefined) throw missing('no user is named: neither --os-username, OS_USERNAME nor a token is given')
  const domain = domainOf(pick(options.osUserDomainId, 'OS_USER_DOMAIN_ID'), pick(options.osUserDomainName, 'OS_USER_DOMAIN_NAME'))
  const user = id === undefined ? { name: name!, domain } : { id }
  return { kind: 'password', user, password: pick(options.osPassword, 'OS_PASSWORD') }
}

function projectOf(options: SessionOptions, pick: Pick): NameOrId {
  const domain = domainOf(
    pick(options.osProjectDomainId, 'OS_PROJECT_DOMAIN_ID'),
    pick(options.osProjectDomainName, 'OS_PROJECT_DOMAIN_NAME'),
  )
  if (options.project !== undefined) {
    return /^[0-9a-f]{32}$/.test(options.project) ? { id: options.project } : { name: options.project, domain }
  }
  const id = options.osProjectId ?? (options.osProjectName === undefined ? pick(undefined, 'OS_PROJECT_ID', 'OS_TENANT_ID') : undefined)
  if (id !== undefined) return { id }
  const name = pick(options.osProjectName, 'OS_PROJECT_NAME', 'OS_TENANT_NAME')
  if (name === undefined) throw missing('no project is named: neither --project, --os-project-name nor OS_PROJECT_NAME is given')
  return { name, domain }
}

function domainOf(id: string | undefined, name: string | undefined): { id: string } | { name: string } {
  if (id !== undefined) return { id }
  return name === undefined ? DEFAULT_DOMAIN : { name }
}

/** `…/identity`, `…/identity/v3` and `…/identity/v3/` name the same service, as for keystoneauth. */
function versioned(url: string): string {
  const base = asUrl(url).href.replace(/\/+$/, '')
  return base.endsWith('/v3') ? base : `${base}/v3`
}

function asUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new InstarError('usage.bad-argument', `"${text}" is no address of a service`, { hint: 'It begins with http:// or https://.' })
  }
  return url
}

function missing(what: string): InstarError {
  return new InstarError('usage.no-session', what, { hint: LOGIN_HINT })
}
