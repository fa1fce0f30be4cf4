import { once } from 'node:events'
import { mkdir, readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError, type Log } from '@instar/contract'
import { installBinaries } from './binaries.ts'
import { prepareDataFolder, ROLE } from './data-folder.ts'
import { takeLock } from './folder-lock.ts'
import { findPostmaster, spawnPostmaster, whenReady, type Postmaster, type PostmasterOptions } from './postmaster.ts'
import { makeSocketFolder } from './socket-folder.ts'
import { findSystemUser, requireReachable } from './system-user.ts'

export interface EmbeddedOptions {
  /** Instar's data folder; the server lives in `postgres/` below it. */
  readonly dataDir: string
  /** Whom to run as when we are root (`--pg-user`); absent: the system user `instar`, made at need. */
  readonly user?: string | undefined
  /** Settings of postgresql.conf beside ours; tests switch fsync off by it. */
  readonly settings?: Readonly<Record<string, string>>
  /** How long to wait for another process to leave the folder. */
  readonly lockWaitMs?: number
}

/** A PostgreSQL of our own. It is started again whenever it dies, and shuts down with us, also when we are killed. */
export interface EmbeddedServer extends AsyncDisposable {
  /** Where to connect, for the client library and for `DATABASE_URL` of other processes of this machine. */
  readonly url: string
  /** Of the running server process; changes when it was started again. */
  readonly pid: () => number | undefined
  /** For a process that has nothing else to do any more: it then ends, and the server with it. */
  unref(): void
}

/** A killed process holds its lock until the kernel has put it away. */
const LOCK_WAIT_MS = 5_000
/** A killed predecessor's server gets this long to end by itself, and a new one to come up (recovery after a crash reads the log). */
const START_TIMEOUT_MS = 60_000
const RETRY_MS = 100
/** Sessions are ended by a fast shutdown; what takes longer is killed, which costs a recovery at the next start. */
const STOP_TIMEOUT_MS = 20_000
const MAX_RESTART_PAUSE_MS = 5_000

/**
 * Starts PostgreSQL on its folder below `dataDir`, made at the first start. Throws `store.in-use` when another process has it,
 * `store.bad-user`, `store.unreachable-folder`, `store.no-binaries`, `store.other-version`, `store.start-failed`.
 */
export async function startServer(options: EmbeddedOptions, log: Log, signal: AbortSignal): Promise<EmbeddedServer> {
  const user = findSystemUser(options.user)
  await mkdir(join(options.dataDir, 'postgres'), { recursive: true, mode: 0o755 })
  const home = await realpath(join(options.dataDir, 'postgres'))
  await requireReachable(home, user)
  const lock = await takeLock(join(home, 'lock'), options.lockWaitMs ?? LOCK_WAIT_MS, signal)
  if (lock === undefined) throw new InstarError('store.in-use', `the PostgreSQL in ${home} belongs to another process`)
  try {
    const binaries = await installBinaries(home)
    const dataFolder = join(home, 'data')
    await prepareDataFolder(dataFolder, binaries, user)
    const socketFolder = await makeSocketFolder(home, user)
    const settings = options.settings ?? {}
    const server = new SupervisedServer(
      { binaries, user, dataFolder, socketFolder, logFile: join(home, 'postgres.log'), settings },
      lock,
      log,
    )
    await server.start(signal)
    return server
  } catch (error) {
    await lock[Symbol.asyncDispose]()
    throw error
  }
}

class SupervisedServer implements EmbeddedServer {
  readonly url: string
  readonly #options: PostmasterOptions
  readonly #lock: AsyncDisposable
  readonly #log: Log
  readonly #stopping = new AbortController()
  #postmaster: Postmaster | undefined
  #isUnref = false

  constructor(options: PostmasterOptions, lock: AsyncDisposable, log: Log) {
    this.#options = options
    this.#lock = lock
    this.#log = log
    this.url = `postgres://${ROLE}@/${ROLE}?host=${encodeURIComponent(options.socketFolder)}`
  }

  readonly pid = (): number | undefined => this.#postmaster?.process.pid

  async start(signal: AbortSignal): Promise<void> {
    const deadline = AbortSignal.any([signal, this.#stopping.signal, AbortSignal.timeout(START_TIMEOUT_MS)])
    let failure = 'it was not ready in time'
    while (!deadline.aborted) {
      await this.#waitForPredecessor(deadline)
      const postmaster = await spawnPostmaster(this.#options)
      this.#postmaster = postmaster
      if (this.#isUnref) postmaster.process.unref()
      const ready = await whenReady(postmaster, this.#options.dataFolder, deadline).catch(() => ({ failure }))
      if (ready.failure === undefined) return void this.#supervise(postmaster)
      failure = ready.failure
      // Shared memory or the pid of a server that was killed a moment ago may still be there.
      await sleep(RETRY_MS, undefined, { signal: deadline }).catch(() => undefined)
    }
    await this.#stop()
    signal.throwIfAborted()
    throw new InstarError('store.start-failed', `PostgreSQL did not start (${failure}): ${await this.#logTail()}`)
  }

  unref(): void {
    this.#isUnref = true
    this.#postmaster?.process.unref()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#stop()
    await this.#lock[Symbol.asyncDispose]()
  }

  /** We hold the lock, so a server that still runs here is one that a killed process left: the kernel has told it to end. */
  async #waitForPredecessor(deadline: AbortSignal): Promise<void> {
    for (;;) {
      const pid = await findPostmaster(this.#options.dataFolder)
      if (pid === undefined || deadline.aborted) return
      killQuietly(pid, 'SIGINT')
      await sleep(RETRY_MS, undefined, { signal: deadline }).catch(() => undefined)
    }
  }

  async #supervise(postmaster: Postmaster): Promise<void> {
    const how = await postmaster.ended
    for (let pauseMs = RETRY_MS; !this.#stopping.signal.aborted; pauseMs = Math.min(2 * pauseMs, MAX_RESTART_PAUSE_MS)) {
      this.#log.error({ how }, 'PostgreSQL ended; starting it again')
      try {
        return await this.start(this.#stopping.signal)
      } catch (error) {
        this.#log.error({ error }, 'PostgreSQL did not start again')
        await sleep(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
      }
    }
  }

  async #stop(): Promise<void> {
    const child = this.#postmaster?.process
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.ref()
    const exited = once(child, 'exit')
    killQuietly(child.pid, 'SIGINT')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(timer)
  }

  async #logTail(): Promise<string> {
    const text = await readFile(this.#options.logFile, 'utf8').catch(() => '')
    return text.trim().split('\n').slice(-5).join('; ') || 'its log is empty'
  }
}

function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended meanwhile, which is what we wanted.
  }
}
