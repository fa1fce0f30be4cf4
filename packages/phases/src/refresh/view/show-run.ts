import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { InstarError } from '@instar/contract/errors'
import { formatDuration, formatError, formatTable, printable } from '../../text/index.ts'
import type { RefreshRun, ScriptRecord } from '../journal/records.ts'
import { readKept } from '../output/kept.ts'
import { describeEnd } from '../run/run-script.ts'

/** The table of `instar refresh log`. */
export function renderLog(runs: readonly RefreshRun[]): string {
  if (runs.length === 0) return 'no runs yet\n'
  const rows = runs.map(run => [
    run.id,
    run.state.replaceAll('_', ' '),
    run.started_at.replace('T', ' ').slice(0, 19),
    tookOf(run.started_at, run.ended_at),
    String(run.scripts.length),
    run.error?.message ?? '',
  ])
  return formatTable([['RUN', 'STATE', 'STARTED (UTC)', 'TOOK', 'SCRIPTS', 'ERROR'], ...rows])
}

/** One run, without the output of its scripts. */
export function renderRun(run: RefreshRun): string {
  const contained = { cgroup: 'by a cgroup', proc: 'by their mark in /proc' }
  const reason = run.containment_reason === undefined ? '' : ` (no cgroup: ${run.containment_reason})`
  const head = [
    `run        ${run.id}`,
    `base       ${run.options.base}`,
    `state      ${run.state.replaceAll('_', ' ')}`,
    `started    ${run.started_at}`,
    `took       ${tookOf(run.started_at, run.ended_at)}`,
    ...(run.resumed_from === undefined ? [] : [`resumes    ${run.resumed_from}`]),
    ...(run.containment === null ? [] : [`processes  found ${contained[run.containment]}${reason}`]),
    ...run.reboots.map(({ at, phase, name }) => `reboot     asked for at ${at} by ${phase}/${name}`),
    ...(run.damaged_lines === 0 ? [] : [`journal    ${run.damaged_lines} unfinished lines, left out`]),
  ]
  const table = run.scripts.length === 0 ? [] : ['', formatTable([SCRIPT_HEAD, ...run.scripts.map(scriptRow)]).trimEnd()]
  const tail = [
    ...run.not_run.map(({ phase, name, reason }) => `not run: ${phase}/${name}: ${reason}`),
    ...run.warnings.map(message => `warning: ${message}`),
    ...run.left_running.map(process => `left running: ${process}`),
  ]
  const error = run.error === undefined ? [] : ['', formatError(run.error)]
  return [...head, ...table, ...(tail.length === 0 ? [] : ['', ...tail.map(printable)]), ...error].map(line => `${line}\n`).join('')
}

const SCRIPT_HEAD = ['PHASE', 'SCRIPT', 'ATTEMPT', 'ENDED', 'TOOK', 'CPU', 'MEMORY', 'OUTPUT']

function scriptRow(script: ScriptRecord): string[] {
  return [
    script.phase,
    script.name,
    String(script.attempt),
    script.exit_code === 0 && !script.interrupted && !script.timed_out ? 'exit 0' : describeEnd(script),
    tookOf(script.started_at, script.ended_at),
    script.cpu_ms === null ? '' : formatDuration(script.cpu_ms),
    script.memory_peak_bytes === null ? '' : `${Math.ceil(script.memory_peak_bytes / 1024 / 1024)} MiB`,
    `${script.stdout_bytes} B out, ${script.stderr_bytes} B err`,
  ]
}

/** The scripts that a name, or phase/name, means; throws `run.unknown`. */
export function findScripts(run: RefreshRun, wanted: string): ScriptRecord[] {
  const found = run.scripts.filter(({ phase, name }) => wanted === name || wanted === `${phase}/${name}`)
  if (found.length > 0) return found
  const names = [...new Set(run.scripts.map(({ name }) => name))].join(', ')
  throw new InstarError('run.unknown', `run ${run.id} has no script "${wanted}"`, { hint: `Its scripts are: ${names || 'none'}.` })
}

/** What a script printed, in pieces: both streams with headings, or one as it came. */
export function* scriptOutput(folder: string, script: ScriptRecord, only?: 'stdout' | 'stderr'): Generator<Buffer> {
  if (only === undefined)
    yield Buffer.from(`== ${script.phase} ${printable(script.name)}, attempt ${script.attempt}: ${describeEnd(script)}\n`)
  for (const stream of only === undefined ? (['stdout', 'stderr'] as const) : [only]) {
    const file = join(folder, 'output', `${script.output}.${stream}`)
    const counted = stream === 'stdout' ? script.stdout_bytes : script.stderr_bytes
    // Of a script whose end nobody saw nobody counted the output: the file has all of it.
    const isOpen = script.ended_at === null
    const kept = existsSync(file) ? statSync(file).size : 0
    const size = isOpen ? kept : counted
    if (size === 0) continue
    if (only === undefined && stream === 'stderr') yield Buffer.from('-- stderr\n')
    if (kept > 0) yield* readKept(file, size)
    if (only === undefined && kept < size) yield Buffer.from(`[${size - kept} bytes were not on disk when the power went]\n`)
  }
}

function tookOf(from: string, to: string | null): string {
  return to === null ? '' : formatDuration(Date.parse(to) - Date.parse(from))
}
