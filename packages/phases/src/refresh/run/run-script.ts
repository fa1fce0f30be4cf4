import { InstarError } from '@instar/contract/errors'
import type { Starter } from '../../run-parts/starter.ts'
import type { ScriptRecord } from '../journal/records.ts'
import { whyNotStarted } from '../plan/interpreter.ts'
import { runAttempt } from './attempt.ts'
import type { Script } from './script.ts'
import type { ScriptFile } from './script-files.ts'
import { warn } from './session.ts'
import type { NoShell } from './shell-pool.ts'
import type { Stage } from './stage.ts'

/** A script ends with this to say: done, reboot, go on with the next one. */
export const REBOOT_CODE = 194

export type ScriptVerdict =
  | { readonly kind: 'done' }
  | { readonly kind: 'reboot' }
  | { readonly kind: 'failed'; readonly record: ScriptRecord }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'no-shell'; readonly reason: NoShell }

/**
 * Runs a script, again while it fails and retries are left. `isWanted` is asked when a shell for it is there: one that is not wanted any more
 * does not begin, and counts as done.
 */
export async function runScript(
  stage: Stage,
  script: Script & { readonly file: ScriptFile },
  isWanted: () => boolean,
): Promise<ScriptVerdict> {
  let { file } = script
  for (let attempt = 1; ; attempt += 1) {
    const cut = stage.limits.mayBegin()
    if (cut !== undefined) return { kind: 'no-shell', reason: { kind: 'cut', cut } }
    const shell = await stage.shells.take()
    if (!isShell(shell)) return { kind: 'no-shell', reason: shell }
    if (!isWanted()) {
      stage.shells.giveBack(shell)
      return { kind: 'done' }
    }
    const record = await runAttempt(stage, { shell, script, file, attempt })
    if (isLost(record)) stage.shells.drop(shell)
    else stage.shells.giveBack(shell)
    const verdict = judge(stage, record)
    const mayRetry = verdict.kind === 'failed' && attempt <= stage.retries && stage.limits.mayBegin() === undefined && !record.interrupted
    tell(stage, record, mayRetry ? 'retrying' : verdict.kind === 'done' || verdict.kind === 'reboot' ? 'succeeded' : 'failed')
    if (!mayRetry) return verdict
    // What was cut was this script alone, and it is about to begin anew.
    stage.limits.cut = undefined
    file = stage.files.look(script.path) ?? file
  }
}

function judge(stage: Stage, record: ScriptRecord): ScriptVerdict {
  if (record.timed_out) return { kind: 'failed', record }
  if (record.interrupted && stage.session.world.signal.aborted) return { kind: 'cancelled' }
  if (record.exit_code === 0) return { kind: 'done' }
  // In error.d there is nothing to go on with after a reboot.
  if (record.exit_code === REBOOT_CODE && stage.phase !== 'error') return { kind: 'reboot' }
  return { kind: 'failed', record }
}

/** A script whose end is not known took its shell with it; after a time limit the shell is gone in any case. */
function isLost(record: ScriptRecord): boolean {
  return record.timed_out || (record.exit_code === null && record.interrupted)
}

function tell({ session, phase }: Stage, record: ScriptRecord, state: 'succeeded' | 'failed' | 'retrying'): void {
  const message = `${phase}: ${record.name}${state === 'succeeded' && record.exit_code === 0 ? '' : ` ${describeEnd(record)}`}`
  session.emit({ kind: 'script', step: record.name, state, script_run_id: record.id, message })
  for (const left of record.left_running ?? []) warn(session, `${record.name} could not be ended: ${left}`)
}

/** How a script ended: "exit code 3", "killed by SIGSEGV", "reached its time limit". */
export function describeEnd(record: ScriptRecord): string {
  if (record.ended_at === null) return record.interrupted ? 'was interrupted' : 'runs'
  if (record.timed_out) return 'reached its time limit'
  if (record.interrupted) return 'was interrupted'
  if (record.exit_code === REBOOT_CODE) return 'asks for a reboot'
  return record.signal === null ? `ended with exit code ${record.exit_code}` : `was killed by ${record.signal}`
}

function isShell(shell: Starter | NoShell): shell is Starter {
  return 'pid' in shell
}

/** What the failure of a script is called in the end. */
export function scriptError(record: ScriptRecord, path: string): InstarError {
  const code = record.timed_out ? 'refresh.timed-out' : 'refresh.script-failed'
  // With these codes a shell tells that it could not start something, and so may the script.
  const mayNotStart = record.exit_code === 126 || record.exit_code === 127 ? whyNotStarted(path) : undefined
  const why = mayNotStart === undefined ? '' : `: ${mayNotStart}`
  return new InstarError(code, `${record.phase} script ${record.name} ${describeEnd(record)}${why}`)
}
