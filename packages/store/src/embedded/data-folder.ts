import { spawn } from 'node:child_process'
import { chmod, chown, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { InstarError } from '@instar/contract'
import type { Binaries } from './binaries.ts'
import { asUser } from './as-user.ts'
import type { SystemUser } from './system-user.ts'

/** The name of the superuser and of the database that Instar works in. */
export const ROLE = 'instar'

const INITDB_TIMEOUT_MS = 120_000

/**
 * Makes the data folder of PostgreSQL, whole or not at all. Access is by the socket's folder, which only the server's user and root may enter,
 * so no password is asked for. Throws `store.other-version` when the folder belongs to another major version.
 */
export async function prepareDataFolder(folder: string, binaries: Binaries, user: SystemUser): Promise<void> {
  const version = await readFile(join(folder, 'PG_VERSION'), 'utf8').catch(() => undefined)
  if (version?.trim() === binaries.majorVersion) return
  if (version !== undefined)
    throw new InstarError('store.other-version', `${folder} was made by PostgreSQL ${version.trim()}, this is ${binaries.majorVersion}`)
  const draft = `${folder}.new`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { mode: 0o700 })
  await chmod(draft, 0o700)
  if (user.switching) await chown(draft, user.uid, user.gid)
  const options = ['--username', ROLE, '--auth-local', 'trust', '--auth-host', 'reject', '--no-locale', '--encoding', 'UTF8', '-D', draft]
  await runInitdb([join(binaries.folder, 'bin/initdb'), ...options], user)
  await rename(draft, folder)
}

async function runInitdb(argv: readonly string[], user: SystemUser): Promise<void> {
  const [program, args] = asUser(argv, user, 'KILL')
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/', signal: AbortSignal.timeout(INITDB_TIMEOUT_MS) })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (said += piece))
  const failure = await new Promise<unknown>(resolve => {
    child.once('error', resolve)
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : (signal ?? `exit ${code}`)))
  })
  if (failure === undefined) return
  throw new InstarError('store.start-failed', `initdb failed: ${said.trim().split('\n').slice(-5).join('; ')}`, { cause: failure })
}
