import { MORPHING_PHASES, type MachinePhase } from '@instar/contract/phases'
import { selectScripts, type ScriptSpec } from '@instar/contract/scripts'
import { formatTable } from '@instar/phases/text'
import type { PlanOptions } from '../commands/plan.ts'
import type { Context } from '../context.ts'
import { collectScripts } from '../scripts/collect.ts'
import { scriptFlagsOf } from '../scripts/flags-of.ts'
import { instanceName } from './instance-name.ts'

/** A script as the plan shows it; `order` is its place within the phase, from 1. */
interface PlannedScript {
  readonly phase: MachinePhase
  readonly order?: number
  readonly name: string
  readonly source: ScriptSpec['source']
  readonly where: 'minion' | 'replica'
  readonly timeout_s: number
  readonly retries: number
  readonly on_failure: ScriptSpec['onFailure']
  readonly not_run_because?: string
}

/** Prints what would run where and what would not; as JSON one object `{version, instance, run, not_run, ignored_files}`. */
export async function showPlan(context: Context, images: readonly string[], options: PlanOptions): Promise<void> {
  const instance = instanceName(options.name, images[0] ?? '')
  const scripts = await collectScripts(scriptFlagsOf(options), instance)
  const selection = selectScripts(scripts, { instance, osType: 'linux', merge: options.merge === true })
  const isSkipped = ({ phase }: ScriptSpec) => options.skipOsMorphing === true && MORPHING_PHASES.includes(phase)
  const run = selection.run
    .filter(script => !isSkipped(script))
    .map((script, at, all) => planned(script, 1 + at - all.findIndex(({ phase }) => phase === script.phase)))
  const notRun = [
    ...selection.notRun.map(({ script, reason }) => ({ ...planned(script), not_run_because: reason })),
    ...selection.run
      .filter(isSkipped)
      .map(script => ({ ...planned(script), not_run_because: '--skip-os-morphing leaves its phase out; instar morph refuses this' })),
  ]
  if (options.json === true) {
    return context.stdout.write(`${JSON.stringify({ version: 1, instance, run, not_run: notRun, ignored_files: scripts.ignoredFiles })}\n`)
  }
  context.stdout.write(`machine ${instance} (linux): ${run.length} scripts run, ${notRun.length} do not\n\n`)
  if (run.length > 0) context.stdout.write(formatTable([['PHASE', '#', 'SCRIPT', 'SOURCE', 'WHERE', 'LIMITS'], ...run.map(rowOf)]))
  for (const { phase, name, not_run_because } of notRun) context.stdout.write(`not run: ${name} (${phase}): ${not_run_because}\n`)
  for (const { path, reason } of scripts.ignoredFiles) context.stdout.write(`not run: ${path}: ${reason}\n`)
}

function planned(script: ScriptSpec, order?: number): PlannedScript {
  return {
    phase: script.phase,
    ...(order === undefined ? {} : { order }),
    name: script.name,
    source: script.source,
    where: script.phase === 'replica_first_boot' ? 'replica' : 'minion',
    timeout_s: script.timeoutS,
    retries: script.retries,
    on_failure: script.onFailure,
  }
}

function rowOf(script: PlannedScript): string[] {
  const limits = [
    script.timeout_s === 0 ? 'no time limit' : `${script.timeout_s} s`,
    ...(script.retries > 0 ? [`${script.retries} retries`] : []),
    `on failure ${script.on_failure}`,
  ]
  const when = script.phase === 'osmorphing_on_error' ? 'only after a failure' : script.where
  return [script.phase, String(script.order ?? ''), script.name, script.source, when, limits.join(', ')]
}
