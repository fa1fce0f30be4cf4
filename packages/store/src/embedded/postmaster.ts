import { spawn, type ChildProcess } from 'node:child_process'
import { open, readFile, readlink, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { asUser } from './as-user.ts'
import type { Binaries } from './binaries.ts'
import type { SystemUser } from './system-user.ts'

/** One running server process. */
export interface Postmaster {
  readonly process: ChildProcess
  /** Resolves when it has ended, with how. */
  readonly ended: Promise<string>
}

export interface PostmasterOptions {
  readonly binaries: Binaries
  readonly user: SystemUser
  readonly dataFolder: string
  readonly socketFolder: string
  readonly logFile: string
  /** Settings of postgresql.conf beside ours. */
  readonly settings: Readonly<Record<string, string>>
}

const POLL_MS = 10
const MAX_LOG_BYTES = 16 * 1024 * 1024

/** Starts the server; it is not ready yet. It shuts down in order when this process dies. */
export async function spawnPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const settings = {
    listen_addresses: '',
    unix_socket_directories: options.socketFolder,
    unix_socket_permissions: '0700',
    max_connections: '200',
    // No replica ever reads our WAL.
    wal_level: 'minimal',
    max_wal_senders: '0',
    timezone: 'UTC',
    log_timezone: 'UTC',
    jit: 'off',
    ...options.settings,
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const argv = [join(options.binaries.folder, 'bin/postgres'), '-D', options.dataFolder, '-p', '5432', ...flags]
  const [program, args] = asUser(argv, options.user, 'INT')
  if (((await stat(options.logFile).catch(() => undefined))?.size ?? 0) > MAX_LOG_BYTES) await truncate(options.logFile)
  const log = await open(options.logFile, 'a', 0o600)
  try {
    // Detached: a Ctrl-C at the terminal is for us, who still need the server to end our work in order.
    const child = spawn(program, args, { stdio: ['ignore', log.fd, log.fd], cwd: '/', detached: true })
    const ended = new Promise<string>(resolve => {
      child.once('error', error => resolve(error.message))
      child.once('exit', (code, signal) => resolve(signal ?? `exit ${code}`))
    })
    return { process: child, ended }
  } finally {
    await log.close()
  }
}

/** Waits until the server takes connections; answers how it ended when it ended instead. */
export async function whenReady(postmaster: Postmaster, dataFolder: string, signal: AbortSignal): Promise<{ failure?: string }> {
  let failure: string | undefined
  void postmaster.ended.then(how => (failure = how))
  for (;;) {
    if (failure !== undefined) return { failure }
    const [pid, , , , , , , status] = await readPidFile(dataFolder)
    if (Number(pid) === postmaster.process.pid && status?.trim() === 'ready') return {}
    await sleep(POLL_MS, undefined, { signal })
  }
}

/** The pid of a server that is alive on this data folder, ours or one that a killed process left. A zombie is not alive. */
export async function findPostmaster(dataFolder: string): Promise<number | undefined> {
  const pid = Number((await readPidFile(dataFolder))[0])
  if (!(pid > 1)) return undefined
  const state = (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')).replace(/^.*\) /s, '')[0]
  const at = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  return state !== undefined && state !== 'Z' && at === dataFolder ? pid : undefined
}

/** The lines of postmaster.pid: pid, data folder, start time, port, socket folder, address, shared memory, status. */
async function readPidFile(dataFolder: string): Promise<string[]> {
  return (await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
}
