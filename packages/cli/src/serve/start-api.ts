import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Log } from '@instar/contract'
import { InstarError } from '@instar/contract/errors'
import type { RunningApi, ServeOptions } from '@instar/server'
import type { Store } from '@instar/store'
import type { Config } from '../config/settings.ts'
import { limitsOf } from './limits.ts'
import { retentionOf } from './retention.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

interface ApiOptions {
  readonly config: Config
  readonly log: Log
  readonly address: Address
  /** Folder with the log files that the API shows. */
  readonly logFolder: string
}

/** The address to listen at, tried before the database is started: a mistake shows in a moment. */
export async function freeAddress(listen: string): Promise<Address> {
  const [, host = '127.0.0.1', port = '7667'] = /^\[?(.*?)\]?:(\d+)$/.exec(listen) ?? []
  const address = { host, port: Number(port) }
  const probe = createServer().listen(address)
  try {
    await once(probe, 'listening')
  } catch (error) {
    throw cannotListen(address, error)
  }
  probe.close()
  await once(probe, 'close')
  return address
}

/** Serves the API on an open store. */
export async function startApi(store: Store, { config, log, address, logFolder }: ApiOptions): Promise<RunningApi> {
  const { serveApi } = await import('@instar/server')
  const settings: ServeOptions['settings'] = {
    publicUrl: config.public_url,
    tokenLifetimeMs: 1000 * (config['identity.token_lifetime_s'] ?? 3600),
    keystone: keystoneOf(config),
    keyManagerUrl: config['key_manager.url'],
    webhook: webhookOf(config),
    retention: retentionOf(config),
    logFolder,
  }
  try {
    return await serveApi({ store, log, address, adminPassword: config.admin_password, settings, limits: limitsOf(config) })
  } catch (error) {
    if (error instanceof Error && 'syscall' in error && error.syscall === 'listen') throw cannotListen(address, error)
    throw error
  }
}

function keystoneOf(config: Config): ServeOptions['settings']['keystone'] {
  const { 'keystone.url': url, 'keystone.user': name, 'keystone.password': password } = config
  if (url === undefined) return undefined
  const of = { domain: config['keystone.domain'] ?? 'Default', project: config['keystone.project'] ?? 'service' }
  return {
    url,
    believedMs: 1000 * (config['keystone.believed_s'] ?? 60),
    ...(name === undefined || password === undefined ? {} : { serviceUser: { name, password, ...of } }),
  }
}

function webhookOf(config: Config): ServeOptions['settings']['webhook'] {
  const { 'webhook.url': url, 'webhook.secret': secret } = config
  return url === undefined || secret === undefined ? undefined : { url, secret }
}

function cannotListen({ host, port }: Address, cause: unknown): InstarError {
  return new InstarError('serve.cannot-listen', `cannot listen at ${host}:${port}`, { cause })
}
