import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { InstarError } from '@instar/contract/errors'
import { identityOf, thisProcess } from '../process-identity.ts'
import { addressArguments, quoteWord, type SshAddress } from './address.ts'

/** Log-in included; a machine that answers at all answers within this. */
const CONNECT_TIMEOUT_S = 20
/** Log-in, the wait for another run's end (15 s in lease.sh), and taking away what one left. */
const READY_TIMEOUT_MS = 120_000
/** lease.sh waits 60 s for the next one. */
const HEARTBEAT_MS = 10_000
/** The end of a lease takes away what is left: some seconds on a slow machine. */
const CLOSE_TIMEOUT_MS = 60_000
const FOLDER_PREFIX = 'instar-ssh-'

/** Tells who we are there, and becomes root with the lease. */
const BECOME_ROOT = 'u=$(id -u); echo "instar: uid $u"; if [ "$u" = 0 ]; then exec sh -c "$1"; else exec sudo -n sh -c "$1"; fi'

/** One log-in that all commands share (ControlMaster), by the system's OpenSSH with the user's own configuration, keys and agent. */
export interface SshConnection extends AsyncDisposable {
  /** What comes before a command so that it runs as root. */
  readonly asRoot: readonly string[]
  /** Starts a command line of the other side's shell; its streams are the command's. */
  start(commandLine: string): ChildProcess
  /** Why the connection ended, once it has. */
  readonly lost: Promise<string>
}

export interface ConnectionRequest {
  readonly address: SshAddress
  /** Instead of the user's ssh configuration. */
  readonly configFile?: string
  readonly signal: AbortSignal
}

type Master = ChildProcessByStdio<Writable, Readable, Readable>

/**
 * Logs in without asking anything (BatchMode) and takes the machine for this run: the log-in's own session is the lease of lease.sh, whose
 * input is a pipe from us. When this process dies, however, that pipe closes, and the machine takes away what is left.
 */
export async function openConnection(request: ConnectionRequest): Promise<SshConnection> {
  await sweepFolders()
  const { pid, start_time } = thisProcess()
  const dir = await mkdtemp(join(tmpdir(), `${FOLDER_PREFIX}${pid}-${start_time}-`))
  const to = addressArguments(request.address)
  const options = [
    '-T',
    '-S',
    join(dir, 's'),
    '-o',
    'BatchMode=yes',
    ...(request.configFile === undefined ? [] : ['-F', request.configFile]),
  ]
  const master = spawnSsh(['-M', ...options, ...MASTER_OPTIONS, ...to, await leaseCommand()])
  const lost = wordsAtEnd(master)
  const beat = setInterval(() => master.stdin.write('.'), HEARTBEAT_MS).unref()
  const close = async () => {
    clearInterval(beat)
    master.stdin.end()
    const limit = setTimeout(() => master.kill('SIGKILL'), CLOSE_TIMEOUT_MS)
    await lost
    clearTimeout(limit)
    await rm(dir, { recursive: true, force: true })
  }
  try {
    const isRoot = await waitForLease(master, { host: request.address.host, lost, signal: request.signal })
    return {
      lost,
      asRoot: isRoot ? [] : ['sudo', '-n'],
      // Without a master this ssh would log in anew, perhaps to a machine that has been started again: it has no way to.
      start: commandLine => spawnSsh([...options, '-o', 'ControlMaster=no', '-o', 'ProxyCommand=false', ...to, commandLine]),
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    master.kill('SIGTERM')
    await close()
    throw error
  }
}

const MASTER_OPTIONS = [
  'ControlPersist=no',
  'ClearAllForwardings=yes',
  `ConnectTimeout=${CONNECT_TIMEOUT_S}`,
  'ServerAliveInterval=5',
  'ServerAliveCountMax=3',
].flatMap(option => ['-o', option])

/** Away from the terminal's Ctrl-C, which is for us: the connection is needed to end what runs over there. */
function spawnSsh(argv: readonly string[]): Master {
  const child = spawn('ssh', argv, { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  child.stdin.on('error', () => undefined)
  return child
}

async function leaseCommand(): Promise<string> {
  const [marked, lease] = await Promise.all(['marked.sh', 'lease.sh'].map(name => readFile(new URL(name, import.meta.url), 'utf8')))
  return ['sh', '-c', BECOME_ROOT, 'instar-lease', `${marked}${lease}`].map(quoteWord).join(' ')
}

function wordsAtEnd(master: Master): Promise<string> {
  let words = ''
  master.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-4096)))
  const ended = once(master, 'close').then(() => words.trim() || `ssh ended with ${master.signalCode ?? `exit code ${master.exitCode}`}`)
  return ended.catch((error: unknown) => String(error))
}

/** True when we are root there by ourselves. */
async function waitForLease(master: Master, wait: { host: string; lost: Promise<string>; signal: AbortSignal }): Promise<boolean> {
  const signal = AbortSignal.any([wait.signal, AbortSignal.timeout(READY_TIMEOUT_MS)])
  let uid: string | undefined
  const onAbort = () => master.kill('SIGTERM')
  signal.addEventListener('abort', onAbort)
  try {
    for await (const line of createInterface({ input: master.stdout })) {
      uid ??= /^instar: uid (\d+)$/.exec(line)?.[1]
      if (line === 'instar: ready') return uid === '0'
      if (line === 'instar: busy') throw new InstarError('ssh.in-use', `another run of Instar works on ${wait.host}`)
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    master.stdout.resume()
  }
  wait.signal.throwIfAborted()
  const cause = new Error(signal.aborted ? `no answer within ${READY_TIMEOUT_MS / 1000} s` : await wait.lost)
  if (uid === undefined) throw new InstarError('ssh.unreachable', `cannot log in to ${wait.host} by ssh`, { cause })
  if (uid !== '0') throw new InstarError('ssh.not-root', `commands on ${wait.host} do not run as root`, { cause })
  throw new InstarError('ssh.unfit', `${wait.host} could not be taken for a run`, { cause })
}

/** Sockets of runs that were killed. */
async function sweepFolders(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, pid, startTime] = new RegExp(`^${FOLDER_PREFIX}(\\d+)-(\\d+)-`).exec(name) ?? []
    if (pid !== undefined && identityOf(Number(pid))?.start_time !== startTime)
      await rm(join(tmpdir(), name), { recursive: true, force: true })
  }
}
