import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Run } from '@instar/contract'
import { MACHINE_PHASES } from '@instar/contract/phases'
import type { FirstBootReport } from '@instar/phases'
import { formatDuration, formatTable } from '@instar/phases/text'
import { endOfResult, firstLines } from '../boot/result-rows.ts'
import type { Context } from '../context.ts'
import type { RunStore } from '../runs/run-store.ts'
import { endOf } from '../runs/script-end.ts'
import { sortByStart } from '../runs/show.ts'

const OUTPUT_LINES = 3
const OUTPUT_BYTES = 4096

interface DemoRow {
  readonly phase: string
  readonly cells: readonly string[]
  readonly output: string
}

/** What every script of the demo did: phase, script, where, exit code, time, and below each the first lines of its output. */
export async function printDemoTable(context: Context, demo: { store: RunStore; run: Run; report: FirstBootReport }): Promise<void> {
  const rows = [...(await minionRows(demo)), ...replicaRows(demo.report)]
  const shown = MACHINE_PHASES.flatMap((phase): DemoRow[] => {
    const own = rows.filter(row => row.phase === phase)
    return own.length > 0 ? own : [{ phase, cells: ['–', '–', 'nothing failed', ''], output: '' }]
  })
  const lines = formatTable([['PHASE', 'SCRIPT', 'WHERE', 'ENDED', 'TOOK'], ...shown.map(({ phase, cells }) => [phase, ...cells])]).split(
    '\n',
  )
  context.stdout.write(`\n${lines[0]}\n`)
  for (const [index, row] of shown.entries()) {
    context.stdout.write(`${lines[index + 1]}\n`)
    for (const line of row.output.split('\n').filter(Boolean)) context.stdout.write(`    | ${line}\n`)
  }
}

async function minionRows({ store, run }: { store: RunStore; run: Run }): Promise<DemoRow[]> {
  const scripts = sortByStart(await store.scriptRuns(run.id))
  return Promise.all(
    scripts.map(async script => ({
      phase: script.phase,
      cells: [script.name, 'minion', endOf(script), tookOf(script)],
      output: firstLines(await readHead(join(store.folderOf(run.id), 'scripts', `${script.id}.stdout`)), OUTPUT_LINES),
    })),
  )
}

function replicaRows(report: FirstBootReport): DemoRow[] {
  return report.results.map(({ run, output }) => ({
    phase: run.phase,
    cells: [run.name, 'replica', endOfResult(run), tookOf(run)],
    output: firstLines(output, OUTPUT_LINES),
  }))
}

function tookOf({ started_at, ended_at }: { readonly started_at: string; readonly ended_at: string | null }): string {
  return ended_at === null ? '' : formatDuration(Date.parse(ended_at) - Date.parse(started_at))
}

async function readHead(path: string): Promise<Buffer> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(OUTPUT_BYTES), 0, OUTPUT_BYTES, 0)
  return buffer.subarray(0, bytesRead)
}
