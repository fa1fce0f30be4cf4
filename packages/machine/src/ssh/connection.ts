import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract/errors'
import { addressArguments, type SshAddress } from './address.ts'

/** Log-in included; a machine that answers at all answers within this. */
const CONNECT_TIMEOUT_S = 20
const CHECK_EVERY_MS = 50

/** One log-in that all commands share (ControlMaster), by the system's OpenSSH with the user's own configuration, keys and agent. */
export interface SshConnection extends AsyncDisposable {
  /** Starts a command line of the other side's shell; its streams are the command's. */
  start(commandLine: string): ChildProcess
  /** Why the connection ended, once it has. */
  readonly lost: Promise<string>
}

/** Logs in without asking anything (BatchMode); what ssh says is the cause of the error. */
export async function openConnection(address: SshAddress, signal: AbortSignal): Promise<SshConnection> {
  const dir = await mkdtemp(join(tmpdir(), 'instar-ssh-'))
  const socket = join(dir, 's')
  const options = ['-S', socket, '-o', 'BatchMode=yes']
  const keepAlive = ['-o', `ConnectTimeout=${CONNECT_TIMEOUT_S}`, '-o', 'ServerAliveInterval=10', '-o', 'ServerAliveCountMax=3']
  const master = spawn('ssh', ['-M', '-N', '-T', ...options, '-o', 'ControlPersist=no', ...keepAlive, ...addressArguments(address)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let words = ''
  master.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-4096)))
  const ended = once(master, 'close').then(() => words.trim() || `ssh ended with exit code ${master.exitCode}`)
  const failed = new Promise<string>(resolve => master.once('error', error => resolve(error.message)))
  const lost = Promise.race([ended, failed])
  const close = async () => {
    master.kill('SIGTERM')
    await lost
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await waitForMaster({ check: ['-O', 'check', ...options, ...addressArguments(address)], lost, host: address.host }, signal)
  } catch (error) {
    await close()
    throw error
  }
  return {
    lost,
    start: commandLine => spawn('ssh', ['-T', ...options, ...addressArguments(address), commandLine], { stdio: 'pipe' }),
    [Symbol.asyncDispose]: close,
  }
}

async function waitForMaster(master: { check: string[]; lost: Promise<string>; host: string }, signal: AbortSignal): Promise<void> {
  const lost = master.lost.then(words => {
    throw new InstarError('ssh.unreachable', `cannot log in to ${master.host} by ssh`, { cause: new Error(words) })
  })
  lost.catch(() => undefined)
  for (;;) {
    signal.throwIfAborted()
    const check = spawn('ssh', master.check, { stdio: 'ignore' })
    const [code] = (await Promise.race([once(check, 'close'), lost])) as [number]
    if (code === 0) return
    await Promise.race([sleep(CHECK_EVERY_MS, undefined, { signal }), lost])
  }
}
