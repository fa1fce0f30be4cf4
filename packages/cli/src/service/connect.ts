import type { Command } from 'commander'
import { InstarError } from '@instar/contract/errors'
import { findKnown } from '@instar/phases/text'
import type { Context } from '../context.ts'
import { Api } from './api.ts'
import { logIn } from './log-in.ts'
import { resolveSession, type SessionOptions, type SessionSettings } from './settings.ts'
import { TokenCache, type Login } from './token-cache.ts'

/** The API for a command: logs in when the first request needs it, with a token of an earlier command where one is kept. */
export function connect(context: Context, command: Command): Api {
  const settings = resolveSession(command.optsWithGlobals<SessionOptions>(), context.env)
  return openApi(context, settings)
}

/** Whether it is said which service is spoken to, and as whom. */
export function namesService(context: Context, command: Command): boolean {
  try {
    resolveSession(command.optsWithGlobals<SessionOptions>(), context.env)
    return true
  } catch (error) {
    if (findKnown(error)?.code === 'usage.no-session') return false
    throw error
  }
}

export function openApi(context: Context, settings: SessionSettings): Api {
  const cache = new TokenCache(context.paths.stateDir, settings, context.now)
  let current: Promise<Login> | undefined
  const renew = async () => {
    await cache.drop()
    const login = await logIn(settings, await passwordOf(context, settings), context.signal)
    await cache.save(login)
    return login
  }
  return new Api({
    login: ({ renew: again }) => (current = again || current === undefined ? loadOr(again ? undefined : cache, renew) : current),
    forget: async token => {
      if ((await cache.load())?.token === token) await cache.drop()
    },
    authUrl: settings.authUrl,
    baseOf: login => baseOf(settings, login),
    signal: context.signal,
    tls: settings.tls,
  })
}

async function loadOr(cache: TokenCache | undefined, renew: () => Promise<Login>): Promise<Login> {
  return (await cache?.load()) ?? renew()
}

async function passwordOf(context: Context, { credentials }: SessionSettings): Promise<string> {
  if (credentials.kind === 'token') return ''
  if (credentials.password !== undefined) return credentials.password
  const { askPassword } = await import('./ask-password.ts')
  const question = `Password of ${credentials.user.name ?? credentials.user.id}: `
  return askPassword(context, question, 'Set OS_PASSWORD, or give --os-password.')
}

/** `--endpoint` names a host, or a whole base when its path holds the version; the catalog's address is a whole base. */
function baseOf({ endpoint, region }: SessionSettings, login: Login): string {
  if (endpoint !== undefined) {
    const base = endpoint.replace(/\/+$/, '')
    return /\/v1(\/|$)/.test(new URL(base).pathname) ? base : `${base}/v1/${login.project.id}`
  }
  if (login.api_url !== undefined) return login.api_url
  throw new InstarError(
    'service.bad-answer',
    'the catalog of the identity service has no service of type "migration"' + (region === undefined ? '' : ` in region ${region}`),
    {
      hint: 'Name the API with --endpoint http://HOST:PORT, or add it to the catalog.',
    },
  )
}
