import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '@instar/contract'
import type { Pools } from '@instar/engine'
import type { HeldMachines } from './providers/pool-half.ts'
import type { Provider } from './providers/provider.ts'

/** How long a machine that is not in its pool any more may run on, and how soon one that is gone is made anew where nobody tells of it. */
const LOOK_MS = 5_000

export interface Keeper {
  readonly held: readonly HeldMachines[]
  readonly pools: Pick<Pools, 'heldBy' | 'replaceLost' | 'replaceOrphans'>
  /** The worker's name. */
  readonly host: string
  readonly log: Log
  /** Milliseconds between two looks; five seconds when absent. */
  readonly lookMs?: number
}

export function heldMachinesOf(providers: Iterable<Provider>): HeldMachines[] {
  const halves = [...providers].flatMap(({ sourcePool, destinationPool }) => [sourcePool, destinationPool])
  return [...new Set(halves.flatMap(half => half?.held ?? []))]
}

/**
 * Keeps the machines that live in this worker and what the database says of them together until `signal` aborts: ends those that are not this
 * worker's any more, because it was taken for dead, and has those made anew that ended by themselves, with an earlier process of its name or with
 * another worker.
 * Then ends them all.
 */
export async function keepMachines(keeper: Keeper, signal: AbortSignal): Promise<void> {
  const { held, log, lookMs = LOOK_MS } = keeper
  if (held.length === 0) return
  using telling = new DisposableStack()
  let lost = new AbortController()
  for (const one of held) telling.use(one.onLost?.(() => lost.abort()))
  while (!signal.aborted) {
    lost = new AbortController()
    // The next look finds what this one could not do.
    await look(keeper, signal).catch((error: unknown) => signal.aborted || log.warn({ error }, 'pool machines could not be looked at'))
    await sleep(lookMs, undefined, { signal: AbortSignal.any([signal, lost.signal]) }).catch(() => undefined)
  }
  for (const one of held) await one.end(one.keys())
}

async function look({ held, pools, host, log }: Keeper, signal: AbortSignal): Promise<void> {
  // A machine is entered in the database before it is made here and leaves it after it has ended here. So what was here before we asked and is
  // not entered is not ours; and what is entered as free, and is not here after that, is gone.
  const before = held.map(one => ({ one, keys: one.keys() }))
  const entered = await pools.heldBy(host)
  const ours = new Set(entered.map(({ id }) => id))
  for (const { one, keys } of before) {
    const stray = keys.filter(key => !ours.has(key))
    if (stray.length === 0) continue
    log.warn({ machines: stray }, 'pool machines that another worker has now are ended')
    await one.end(stray)
  }
  const here = new Set(held.flatMap(one => one.keys()))
  const lost = entered.filter(({ id, isIdle }) => isIdle && !here.has(id)).map(({ id }) => id)
  await pools.replaceLost(lost, signal)
  await pools.replaceOrphans(signal)
}
