import { endAttempt } from '../containment/run-containment.ts'
import type { RefreshStore } from '../journal/store.ts'

/**
 * Ends what a killed run has left of the script that it was in: nobody waits for it any more, and its next run would meet it at work.
 * Daemons of scripts that ended well go on.
 */
export async function endLeftovers(store: RefreshStore, graceMs: number): Promise<string[]> {
  const run = store.latest()
  if (run?.state !== 'interrupted') return []
  const told: string[] = []
  for (const script of run.scripts.filter(({ ended_at }) => ended_at === null)) {
    const { found, left } = await endAttempt(run.id, script, { graceMs })
    if (found > 0) told.push(`${script.phase}/${script.name} of the interrupted run ${run.id} was still at work and was ended`)
    told.push(...left.map(process => `could not be ended: ${process}`))
  }
  return told
}
