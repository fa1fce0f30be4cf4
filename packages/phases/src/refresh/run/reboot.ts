import { spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InstarError } from '@instar/contract/errors'
import { timeOfId, type RefreshStore } from '../journal/store.ts'
import type { RefreshRun } from '../journal/records.ts'

const DAY_MS = 24 * 3600 * 1000
/** Runs that began before this cannot have asked for a reboot within the day. */
const LOOK_BACK_MS = 8 * DAY_MS

/** `systemctl` where there is one: it shuts services down in order. */
const REBOOT_COMMAND = 'if command -v systemctl >/dev/null; then exec systemctl reboot; else exec reboot; fi'

/** The file that names the run which waits for a reboot: the unit that goes on with it at boot looks for it. */
export function waitingFile(store: RefreshStore): string {
  return join(store.dir, 'after-reboot')
}

/** The run that waits for a reboot, if any: the latest one, or none. */
export function waitingRun(store: RefreshStore): RefreshRun | undefined {
  const run = store.latest()
  return run?.state === 'waiting_for_reboot' ? run : undefined
}

export function rememberWaiting(store: RefreshStore, id: string): void {
  writeFileSync(waitingFile(store), `${id}\n`, { mode: 0o600, flush: true })
}

export function forgetWaiting(store: RefreshStore): void {
  rmSync(waitingFile(store), { force: true })
}

/** Throws `refresh.too-many-reboots` when no further reboot may be asked for: a script that always asks must not keep a machine from work. */
export function checkReboots(store: RefreshStore, max: number, now: Date): void {
  const recent = store
    .ids()
    .filter(id => now.getTime() - timeOfId(id) < LOOK_BACK_MS)
    .flatMap(id => store.load(id)?.reboots ?? [])
    .filter(({ at }) => now.getTime() - Date.parse(at) < DAY_MS)
  if (recent.length < max) return
  throw new InstarError('refresh.too-many-reboots', `${recent.length} reboots were asked for in 24 hours, and ${max} are allowed`)
}

/** Asks for the reboot; throws `refresh.reboot-failed`. The command may return long before the machine goes down. */
export async function requestReboot(command: string | null, environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  const words = ['-c', command ?? REBOOT_COMMAND]
  const child = spawn('sh', words, { stdio: ['ignore', 'inherit', 'inherit'], env: environment })
  const code = await new Promise<number | string | null>(resolve => {
    child.once('error', error => resolve(error.message))
    child.once('exit', (exitCode, signal) => resolve(exitCode ?? signal))
  })
  if (code !== 0)
    throw new InstarError('refresh.reboot-failed', `the command that reboots (${command ?? 'systemctl reboot'}) ended with ${code}`)
}
