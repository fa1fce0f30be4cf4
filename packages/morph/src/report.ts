import type { FailedScript, MorphChanges, ScriptRun } from '@instar/contract'
import type { AppliedChange } from './tree/apply.ts'

/** What a morph did. */
export interface MorphReport {
  /** The OS, for people: "Debian GNU/Linux 12 (bookworm)". */
  readonly system: string
  /** Every attempt of every script that ran on the minion. */
  readonly scripts: readonly ScriptRun[]
  /** How many scripts were registered for the replica's first boot. */
  readonly firstBootScripts: number
  /** Files that Instar itself changed, each once; what scripts changed is not in it. */
  readonly changed: readonly AppliedChange[]
  /** Nothing was changed, and nothing ran that might have: the disks hold no more than times and counters of having been mounted. */
  readonly isUnchanged: boolean
  /** What was done to the OS, in sentences, by step. */
  readonly steps: readonly { readonly step: string; readonly changes: readonly string[] }[]
  readonly warnings: readonly string[]
}

/** Scripts whose last attempt failed: a report is of a morph that went on in spite of them. */
export function failedScriptsOf({ scripts }: Pick<MorphReport, 'scripts'>): FailedScript[] {
  const last = new Map(scripts.map(run => [`${run.phase} ${run.order}`, run]))
  return [...last.values()]
    .filter(({ exit_code }) => exit_code !== 0)
    .map(({ id, phase, name, order, attempt, exit_code, signal, timed_out }) => ({
      id,
      phase,
      name,
      order,
      attempt,
      exit_code,
      signal,
      timed_out,
    }))
}

/** What is kept of a report: its scripts have records of their own. */
export function changesOf(report: MorphReport): MorphChanges {
  return {
    system: report.system,
    steps: report.steps.filter(({ changes }) => changes.length > 0).map(({ step, changes }) => ({ step, changes: [...changes] })),
    files: report.changed.map(({ path, change, kind, sha256Before, sha256After }) => ({
      path,
      change,
      kind,
      ...(sha256Before === undefined ? {} : { sha256_before: sha256Before }),
      ...(sha256After === undefined ? {} : { sha256_after: sha256After }),
    })),
    warnings: [...report.warnings],
  }
}
