import type { MorphChanges, Run, ScriptRun } from '@instar/contract'
import { listKeptLayers } from '@instar/machine'
import { formatDuration, formatError, formatTable, printable } from '@instar/phases/text'
import type { Context } from '../context.ts'
import { keptFolders } from '../kept/kept-work.ts'
import { shellLine } from '../output/shell-words.ts'
import { RunStore } from './run-store.ts'
import { describeFailedScripts, endOf } from './script-end.ts'

/** Prints all runs, the newest first. */
export async function listRuns(context: Context, json: boolean): Promise<void> {
  const runs = await new RunStore(context.paths.stateDir).list()
  if (json) return context.stdout.write(runs.map(run => `${JSON.stringify(run)}\n`).join(''))
  if (runs.length === 0) return context.stdout.write('no runs yet\n')
  const rows = runs.map(run => [
    run.id,
    run.kept_layers === undefined ? run.state : `${run.state}, kept`,
    run.instance,
    run.started_at.replace('T', ' ').slice(0, 19),
    tookOf(run),
    run.error?.message ?? failuresOf(run),
  ])
  context.stdout.write(formatTable([['RUN', 'STATE', 'MACHINE', 'STARTED (UTC)', 'TOOK', 'ERROR'], ...rows]))
}

/** Prints one run with its scripts and what was done to the OS; as JSON one object `{run, scripts}`. */
export async function showRun(context: Context, name: string, json: boolean): Promise<void> {
  const store = new RunStore(context.paths.stateDir)
  const run = await store.find(name)
  const scripts = sortByStart(await store.scriptRuns(run.id))
  if (json) return context.stdout.write(`${JSON.stringify({ version: 1, run, scripts })}\n`)
  const lines = [
    `run      ${run.id}`,
    `machine  ${run.instance}`,
    `images   ${shellLine(run.images)}`,
    `state    ${[run.state, failuresOf(run)].filter(Boolean).join(', ')}`,
    `started  ${run.started_at}`,
    `took     ${tookOf(run)}`,
    `command  ${shellLine(['instar', ...run.argv])}`,
    ...(run.kept_layers === undefined ? [] : [`kept     ${await whereKept(run)}`]),
    ...(run.resumed_by === undefined ? [] : [`resumed  by ${run.resumed_by}`]),
  ]
  context.stdout.write(`${lines.join('\n')}\n`)
  if (scripts.length > 0)
    context.stdout.write(`\n${formatTable([['PHASE', 'SCRIPT', 'ATTEMPT', 'ENDED', 'TOOK', 'OUTPUT'], ...scripts.map(rowOf)])}`)
  for (const script of scripts) for (const left of script.left_running ?? []) context.stdout.write(`${script.name} left running: ${left}\n`)
  if (run.changes !== undefined) context.stdout.write(describeChanges(run.changes))
  const see = scripts.length === 0 ? undefined : `instar script log ${run.id}`
  if (run.error !== undefined) context.stdout.write(`\n${formatError(run.error, see)}\n`)
}

async function whereKept(run: Run): Promise<string> {
  const layers = await listKeptLayers(keptFolders(run), { runId: run.id })
  return layers.length === 0 ? 'nothing any more: its layers were removed' : shellLine(layers.map(({ file }) => file))
}

export function sortByStart(scripts: readonly ScriptRun[]): ScriptRun[] {
  return scripts.toSorted((a, b) => (a.started_at < b.started_at ? -1 : 1))
}

function rowOf(script: ScriptRun): string[] {
  const took = script.ended_at === null ? '' : formatDuration(Date.parse(script.ended_at) - Date.parse(script.started_at))
  return [
    script.phase,
    script.name,
    String(script.attempt),
    endOf(script),
    took,
    `${script.stdout_bytes} B out, ${script.stderr_bytes} B err`,
  ]
}

function failuresOf({ failed_scripts: failed = [] }: Run): string {
  return failed.length === 0 ? '' : describeFailedScripts(failed)
}

function tookOf(run: Run): string {
  return run.ended_at === null ? '' : formatDuration(Date.parse(run.ended_at) - Date.parse(run.started_at))
}

/** What Instar did to the OS, and which files it changed; paths and sentences come from the guest. */
function describeChanges({ steps, files, warnings }: MorphChanges): string {
  const lines = [
    ...steps.flatMap(({ step, changes }) => [`\n${step}:`, ...changes.map(change => `  ${printable(change)}`)]),
    ...(warnings.length === 0 ? [] : ['\nwarnings:', ...warnings.map(warning => `  ${printable(warning)}`)]),
    ...(files.length === 0
      ? []
      : ['\nfiles changed:', ...files.map(({ change, path }) => `  ${change.padEnd('modified'.length)}  ${printable(path)}`)]),
  ]
  return lines.map(line => `${line}\n`).join('')
}
