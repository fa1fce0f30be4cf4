import { spawn } from 'node:child_process'
import { mkdir, open, readFile, realpath, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract'
import { START_FILE } from './start-script.ts'

/** What a machine of ours that runs keeps in its folder. */
export const RUN_FOLDER = 'run'
const START_TIMEOUT_MS = 30_000
const SHUTDOWN_TIMEOUT_MS = 120_000
const KILL_TIMEOUT_MS = 10_000
const POLL_MS = 200

/** The process of a machine that its `start` script runs; `undefined` when it is off. */
export async function runningPid(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, RUN_FOLDER, 'qemu.pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  if (!(pid > 1)) return undefined
  // The number may be another process's by now: QEMU is told by the folder in its command line.
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return command.startsWith('qemu-system') && command.includes(`instar-machine=${await realpath(folder)}\0`) ? pid : undefined
}

/** Starts a machine by its own script; it runs on by itself, whatever becomes of this worker. Again for one that runs does nothing. */
export async function startMachine(folder: string, signal: AbortSignal): Promise<void> {
  if ((await runningPid(folder)) !== undefined) return
  await stat(join(folder, START_FILE)).catch((cause: unknown) => {
    throw new InstarError('provider.refused', `${folder} has no script ${START_FILE}`, { cause })
  })
  await mkdir(join(folder, RUN_FOLDER), { recursive: true })
  const logFile = join(folder, RUN_FOLDER, 'qemu.log')
  const log = await open(logFile, 'w')
  // Of a session of its own: nothing that ends this worker ends the machine.
  const child = spawn(join(folder, START_FILE), { stdio: ['ignore', log.fd, log.fd], detached: true })
  const ended = new Promise<Error | number | null>(resolve => {
    child.once('error', resolve)
    child.once('exit', resolve)
  })
  child.unref()
  await log.close()
  const until = performance.now() + START_TIMEOUT_MS
  while ((await runningPid(folder)) === undefined) {
    const seen = await Promise.race([ended.then(how => ({ how })), sleep(POLL_MS, undefined, { signal })])
    if (seen === undefined && performance.now() < until) continue
    const said = (await readFile(logFile, 'utf8')).trim().slice(-500)
    const how = seen?.how instanceof Error ? seen.how.message : said
    throw new InstarError('provider.failed', `the machine in ${folder} does not start: ${how}`)
  }
}

/** Asks the guest to shut down, as its power button does; one that does not hear it within `graceMs` (two minutes) is switched off. */
export async function stopMachine(folder: string, signal: AbortSignal, graceMs = SHUTDOWN_TIMEOUT_MS): Promise<void> {
  const pid = await runningPid(folder)
  if (pid === undefined) return
  await pressPowerButton(join(folder, RUN_FOLDER, 'qmp.sock')).catch(() => undefined)
  if (await isGone(folder, graceMs, signal)) return
  process.kill(pid, 'SIGTERM')
  if (await isGone(folder, KILL_TIMEOUT_MS, signal)) return
  throw new InstarError('provider.failed', `the machine in ${folder} (process ${pid}) does not end`)
}

async function pressPowerButton(socketPath: string): Promise<void> {
  const socket = connect({ path: socketPath })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.once('data', () => {
      socket.end('{"execute":"qmp_capabilities"}\n{"execute":"system_powerdown"}\n')
      socket.once('close', () => resolve())
    })
  })
}

async function isGone(folder: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const until = performance.now() + timeoutMs
  while (performance.now() < until) {
    if ((await runningPid(folder)) === undefined) return true
    await sleep(POLL_MS, undefined, { signal })
  }
  return false
}
