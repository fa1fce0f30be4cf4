import type { Run } from '@instar/contract'
import type { RunStore } from './run-store.ts'

/** The record of the run that goes on now: every change is on disk before the next step. */
export interface RunRecord {
  readonly id: string
  update(change: Partial<Run>): Promise<void>
}

export async function openRecord(store: RunStore, begun: Run): Promise<RunRecord> {
  let run = begun
  await store.save(run)
  return {
    id: run.id,
    update: async change => {
      run = { ...run, ...change }
      await store.save(run)
    },
  }
}
