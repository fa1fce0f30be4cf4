import { once } from 'node:events'
import { formatDuration } from '@instar/phases/text'
import type { ServeOptions } from '../commands/serve.ts'
import { defaultDataDir, loadConfig } from '../config/load-config.ts'
import type { Config } from '../config/settings.ts'
import type { Context } from '../context.ts'
import { VERSION } from '../program.ts'
import { createLog } from './log.ts'
import { logFolderOf, startService, type RunningService } from './start-service.ts'

/** `instar serve`: runs until a signal ends it; gives 0 after a graceful end. */
export async function runServe(context: Context, options: ServeOptions): Promise<number> {
  const began = performance.now()
  const { values } = await loadConfig(context, {
    ...(options.config === undefined ? {} : { file: options.config }),
    flags: flagsOf(options),
  })
  const dataDir = values.data_dir ?? defaultDataDir(context)
  const { makeFolder } = await import('@instar/machine')
  await makeFolder(dataDir)
  using log = await createLog({ level: values['log.level'] ?? 'info', folder: logFolderOf(dataDir), name: logName(values.role) })
  await using service = await startService({ config: values, dataDir, paths: context.paths, log, signal: context.signal })
  context.stdout.write(greeting(values, service, performance.now() - began))
  await Promise.race([service.ended, context.signal.aborted ? undefined : once(context.signal, 'abort')])
  log.info({}, 'stopping')
  return 0
}

/** Processes of two roles may share a data folder; each has a log of its own. */
function logName(role: Config['role']): string {
  return role === 'api' || role === 'worker' ? `instar-${role}` : 'instar'
}

function flagsOf({ dataDir, listen, role, pgUser }: ServeOptions): Record<string, string> {
  const flags = { data_dir: dataDir, listen, role, 'database.pg_user': pgUser }
  return Object.fromEntries(Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

/** What the one who started it needs now: where it is, and how to log in. The password is only known at the first start. */
function greeting(config: Config, service: RunningService, tookMs: number): string {
  const took = formatDuration(tookMs)
  if (service.url === undefined) return `Instar ${VERSION}: a worker is ready (${took})\n`
  const url = config.public_url ?? service.url
  const keystone = config['keystone.url']
  if (keystone !== undefined) return `Instar ${VERSION} is ready at ${url} (${took})\n\nLog in by ${keystone}. Then: instar endpoint list\n`
  const password = service.firstPassword
  const login = [
    `export OS_AUTH_URL=${url}/identity/v3 OS_USERNAME=admin OS_PROJECT_NAME=admin`,
    'export OS_USER_DOMAIN_NAME=Default OS_PROJECT_DOMAIN_NAME=Default',
    ...(password === undefined ? [] : [`export OS_PASSWORD=${password}`]),
  ]
  const about =
    password === undefined ? 'Log in (the password is the one of the first start):' : 'Log in. The password is shown this one time:'
  return `Instar ${VERSION} is ready at ${url} (${took})\n\n${about}\n\n${login.map(line => `  ${line}\n`).join('')}\nThen: instar endpoint list\n`
}
