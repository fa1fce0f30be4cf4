import type { RefreshPhase } from '@instar/contract/phases'
import type { RunOptions } from '../journal/records.ts'
import type { Script } from '../run/script.ts'
import { groupScripts } from './groups.ts'
import { whyNotStarted } from './interpreter.ts'
import { readPhaseDirectory, type PhaseDirectory } from './phase-directory.ts'
import { whyBeforeStart, type StartPoint } from './start-point.ts'

/** What a phase will do: its scripts in the sets in which they run, and each file that does not run, with the reason. */
export interface PhasePlan {
  readonly phase: string
  readonly dir: string
  readonly environmentFiles: readonly string[]
  readonly groups: readonly (readonly Script[])[]
  readonly notRun: readonly { readonly name: string; readonly reason: string }[]
}

/** Of phases before the start point, and of those without a directory, there is none. */
export function planPhase(
  options: RunOptions,
  phase: RefreshPhase,
  start: StartPoint | undefined,
  directory: PhaseDirectory | undefined,
): PhasePlan | undefined {
  if (directory === undefined) return undefined
  if (start !== undefined && options.phases.indexOf(phase) < options.phases.indexOf(start.phase)) return undefined
  const judged = directory.scripts.map(script => ({ script, reason: whyBeforeStart(start, phase, script.name) }))
  const scripts = judged.filter(({ reason }) => reason === undefined).map(({ script }) => script)
  return {
    phase,
    dir: directory.dir,
    environmentFiles: directory.environmentFiles,
    groups: groupScripts(scripts, options.parallel),
    notRun: [
      ...directory.notRun,
      ...judged.filter(({ reason }) => reason !== undefined).map(({ script, reason }) => ({ name: script.name, reason: reason ?? '' })),
    ],
  }
}

/** A script of a plan that will be started, and fail. */
export function doomedScripts(plan: PhasePlan): { name: string; reason: string }[] {
  return plan.groups
    .flat()
    .map(({ name, path }) => ({ name, reason: whyNotStarted(path) }))
    .filter((one): one is { name: string; reason: string } => one.reason !== undefined)
}

export function directoryReader(options: RunOptions, environment: Readonly<Record<string, string | undefined>>) {
  return (phase: RefreshPhase | 'error') => readPhaseDirectory(options.base, phase, environment)
}
