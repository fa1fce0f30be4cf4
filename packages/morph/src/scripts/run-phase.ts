import { InstarError, type MachinePhase, type ScriptRun } from '@instar/contract'
import type { ScriptSpec } from '@instar/contract/scripts'
import type { PhaseFacts } from './environment.ts'
import { runAttempt, type Attempt, type ScriptWorld } from './run-script.ts'

/** The scripts of one phase of one machine, in order. */
export interface PhaseTask {
  readonly phase: MachinePhase
  readonly scripts: readonly ScriptSpec[]
  /** Of a run that goes on: scripts with a smaller order number are done already. */
  readonly firstOrder?: number
}

/**
 * Runs the scripts of a phase one after the other and gives a record of each attempt. The first that fails and may not (`onFailure: abort`)
 * ends the phase with `script.failed` or `script.timed-out`, whose details name phase, script, order, exit code, signal and log.
 */
export async function runPhase(world: ScriptWorld, task: PhaseTask, facts: PhaseFacts): Promise<ScriptRun[]> {
  const runs: ScriptRun[] = []
  const scripts = task.scripts.filter(({ phase }) => phase === task.phase)
  for (const [index, script] of scripts.entries()) {
    const order = index + 1
    if (order < (task.firstOrder ?? 1)) {
      world.emit({ kind: 'script', step: script.name, state: 'skipped', message: `${task.phase} ${order}: ${script.name} is done already` })
      continue
    }
    runs.push(...(await runScript(world, { script, order }, facts)))
  }
  return runs
}

async function runScript(world: ScriptWorld, task: { script: ScriptSpec; order: number }, facts: PhaseFacts): Promise<ScriptRun[]> {
  const { script, order } = task
  const runs: ScriptRun[] = []
  for (let attempt = 1; ; attempt += 1) {
    const done = await runAttempt(world, { script, order, attempt }, facts)
    runs.push(done.run)
    const failed = done.run.exit_code !== 0
    const isLast = !failed || attempt > script.retries
    world.emit({
      kind: 'script',
      step: script.name,
      state: failed ? (isLast ? 'failed' : 'retrying') : 'succeeded',
      script_run_id: done.run.id,
      message: `${script.phase} ${order}: ${script.name} ${describeEnd(done, script)}`,
    })
    if (!failed) return runs
    if (!isLast) continue
    if (script.onFailure === 'continue') return runs
    throw scriptError(world, { ...task, done })
  }
}

/** How an attempt ended, for people: "exit code 3", "SIGKILL", "time limit of 30 s". */
function describeEnd({ run, missing }: Attempt, script: { readonly timeoutS: number }): string {
  if (missing !== undefined) return `could not start: the minion has no ${missing}, which its first line names`
  if (run.timed_out) return `was ended by its time limit of ${script.timeoutS} s`
  if (run.signal !== null) return `was ended by ${run.signal}`
  return run.exit_code === 0 ? 'succeeded' : `failed with exit code ${run.exit_code}`
}

function scriptError(world: ScriptWorld, failed: { script: ScriptSpec; order: number; done: Attempt }): InstarError {
  const { script, order, done } = failed
  return new InstarError(
    done.run.timed_out ? 'script.timed-out' : 'script.failed',
    `${script.phase} script ${script.name} ${describeEnd(done, script)}`,
    {
      details: {
        phase: script.phase,
        script: script.name,
        order,
        exit_code: done.run.exit_code,
        signal: done.run.signal,
        log: done.log,
        script_run_id: done.run.id,
        ...(done.missing === undefined ? { stderr_tail: world.redactor.text(done.result.stderrTail) } : {}),
      },
      ...(done.missing === undefined ? {} : { hint: interpreterHint(script, done.missing) }),
    },
  )
}

/** What to do where a script could not start; there is no guest to run it in before the mount. */
function interpreterHint({ phase }: ScriptSpec, missing: string): string {
  const elsewhere = phase === 'osmorphing_pre_os_mount' ? '' : `, or run it in the guest: chroot "$1" ${missing}`
  return `Write the script for /bin/sh or /bin/bash${elsewhere}.`
}
