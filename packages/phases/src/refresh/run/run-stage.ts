import { InstarError } from '@instar/contract/errors'
import type { ScriptRecord } from '../journal/records.ts'
import { runScript, scriptError, type ScriptVerdict } from './run-script.ts'
import type { Script } from './script.ts'
import type { NoShell } from './shell-pool.ts'
import type { Stage } from './stage.ts'

export interface Failure {
  readonly phase: string
  /** The script that failed; absent when an environment file did, or the stage's time was over between two scripts. */
  readonly record?: ScriptRecord
  readonly error: InstarError
}

export type StageEnd =
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'reboot'; readonly name: string }
  | { readonly kind: 'cancelled' }

/** Runs the groups of a stage one after the other: scripts of one group at the same time, at most `jobs` of them. */
export async function runStage(stage: Stage, groups: readonly (readonly Script[])[], jobs: number): Promise<StageEnd> {
  for (const group of groups) {
    const verdicts = await runGroup(stage, group, jobs)
    const [bad] = verdicts.filter(({ verdict }) => verdict.kind !== 'done' && verdict.kind !== 'reboot').sort(byWeight)
    if (bad !== undefined) return endOf(stage, bad)
    const reboot = verdicts.find(({ verdict }) => verdict.kind === 'reboot')
    if (reboot !== undefined) return { kind: 'reboot', name: reboot.script.name }
  }
  return { kind: 'succeeded' }
}

interface Judged {
  readonly script: Script
  readonly verdict: ScriptVerdict
}

/** After a failure the others of the group end, and none is started. */
async function runGroup(stage: Stage, group: readonly Script[], jobs: number): Promise<Judged[]> {
  const waiting = [...group]
  const judged: Judged[] = []
  let isFailed = false
  const work = async () => {
    for (let script = waiting.shift(); script !== undefined && !isFailed; script = waiting.shift()) {
      const file = stage.files.look(script.path)
      const verdict = file === undefined ? tellGone(stage, script) : await runScript(stage, { ...script, file }, () => !isFailed)
      judged.push({ script, verdict })
      if (verdict.kind !== 'done' && verdict.kind !== 'reboot') isFailed = true
    }
  }
  await Promise.all(Array.from({ length: Math.min(jobs, group.length) }, work))
  return judged
}

/** Published script sets remove later scripts of their own phase; one that lost its x bit only is started, and fails. */
function tellGone({ session, phase }: Stage, script: Script): ScriptVerdict {
  session.journal.append({ kind: 'not-run', phase, name: script.name, reason: 'removed meanwhile' })
  session.emit({ kind: 'script', step: script.name, state: 'skipped', message: `${phase}: ${script.name} was removed meanwhile` })
  return { kind: 'done' }
}

/** Of several that went wrong at once, the one that reached a limit or failed by itself is the cause, not one that was cut short by it. */
function byWeight(a: Judged, b: Judged): number {
  const weight = ({ verdict }: Judged) => (verdict.kind === 'failed' ? (verdict.record.interrupted ? 1 : 0) : 2)
  return weight(a) - weight(b)
}

function endOf(stage: Stage, { script, verdict }: Judged): StageEnd {
  if (verdict.kind === 'cancelled') return { kind: 'cancelled' }
  if (verdict.kind === 'no-shell') return noShellEnd(stage, verdict.reason)
  if (verdict.kind !== 'failed') return { kind: 'succeeded' }
  const { record } = verdict
  return { kind: 'failed', failure: { phase: stage.phase, record, error: scriptError(record, script.path) } }
}

function noShellEnd({ phase }: Stage, reason: NoShell): StageEnd {
  const fail = (error: InstarError): StageEnd => ({ kind: 'failed', failure: { phase, error } })
  switch (reason.kind) {
    case 'cut':
      if (reason.cut === 'cancel') return { kind: 'cancelled' }
      return fail(new InstarError('refresh.timed-out', `the time limit was reached in phase ${phase}`))
    case 'environment-failed': {
      const how = reason.code === 0 ? 'ended the shell' : `failed with exit code ${reason.code}`
      return fail(new InstarError('refresh.environment-failed', `environment file ${reason.file} of phase ${phase} ${how}`))
    }
    case 'unavailable':
      return fail(new InstarError('refresh.no-shell', `cannot start bash for phase ${phase}: ${reason.reason}`))
  }
}
