import type { Run } from '@instar/contract'
import { discardKeptLayers } from '@instar/machine'
import type { Context } from '../context.ts'
import { RunStore } from '../runs/run-store.ts'
import { keptFolders } from './kept-work.ts'

/** `instar run discard`: removes what failed runs kept. One that keeps nothing, or no more, is no error. */
export async function discardRuns(context: Context, names: readonly string[]): Promise<void> {
  const store = new RunStore(context.paths.stateDir)
  // All are found before the first is touched: a wrong name stops the whole command.
  const runs: Run[] = []
  for (const name of names) runs.push(await store.find(name))
  for (const run of runs) context.stdout.write(`${await discardRun(store, run)}\n`)
}

async function discardRun(store: RunStore, run: Run): Promise<string> {
  const { kept_layers: files, resume_at: _, ...rest } = run
  if (files === undefined) return `run ${run.id} keeps nothing${run.resumed_by === undefined ? '' : `: ${run.resumed_by} went on with it`}`
  const count = await discardKeptLayers(keptFolders(run), run.id)
  await store.save(rest)
  return `run ${run.id}: ${count} kept ${count === 1 ? 'layer' : 'layers'} removed`
}
