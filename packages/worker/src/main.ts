import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError, type Log } from '@instar/contract'
import { createEngine, createMoveHooks, createPools, type EngineHooks, type EngineLimits, type WorkerOptions } from '@instar/engine'
import type { Store } from '@instar/store'
import { heldMachinesOf, keepMachines } from './keep-machines.ts'
import type { HostPaths } from './providers/disk-images/host-paths.ts'
import { createProviders } from './providers/index.ts'
import { offerOf } from './providers/offer.ts'
import type { Provider } from './providers/provider.ts'
import { createQuestions } from './questions/answer.ts'
import { describeHost } from './specs.ts'
import { createSteps } from './steps/step-table.ts'

export interface WorkerRole {
  readonly store: Store
  readonly log: Log
  /** How the services list names this worker; one process a name. */
  readonly host: string
  /** The platforms that it offers: `simulator` only where somebody wants it. */
  readonly platforms: readonly string[]
  readonly paths: HostPaths
  readonly limits?: EngineLimits & WorkerOptions['limits']
}

/** Pools are looked after every ten minutes, whoever comes first; this is how late that may be. */
const TEND_MS = 60_000

/**
 * Does the work of executions, answers the API's questions to providers, and looks after minion pools, until `signal` aborts.
 * Throws `provider.unsupported` for a platform that there is not, and `engine.step-stuck` when the process must end (see `Engine.work`).
 */
export async function runWorkerRole(role: WorkerRole, signal: AbortSignal): Promise<void> {
  const { store, log, limits = {} } = role
  const providers = chooseProviders(role)
  const pools = createPools({ store, engine: () => engine, newId: randomUUID, now: () => new Date() })
  const moves = createMoveHooks({ store, newId: randomUUID, now: () => new Date() })
  const hooks: EngineHooks = {
    onExecutionChanged: async (trx, change) => {
      await moves.onExecutionChanged(trx, change)
      await pools.hooks.onExecutionChanged(trx, change)
    },
  }
  await using engine = await createEngine({ store, log, hooks, limits })
  const ending = new AbortController()
  const tending = tend(() => pools.tend(signal), log, AbortSignal.any([signal, ending.signal]))
  const held = heldMachinesOf(providers.values())
  // To the end of the last step, which may have made one.
  const keeping = keepMachines({ held, pools, host: role.host, log }, ending.signal)
  try {
    await engine.work({
      host: role.host,
      providers: Object.fromEntries([...providers].map(([platform, provider]) => [platform, offerOf(provider)])),
      specs: describeHost(role.host),
      steps: createSteps({ providers, pools, info: engine.info, host: role.host }),
      questions: createQuestions(providers),
      limits,
      signal,
    })
  } finally {
    ending.abort()
    await tending
    await keeping
  }
}

function chooseProviders({ platforms, paths }: WorkerRole): ReadonlyMap<string, Provider> {
  const known = new Map(createProviders(paths).map(provider => [provider.platform, provider]))
  return new Map(
    platforms.map(platform => {
      const provider = known.get(platform)
      if (provider) return [platform, provider]
      throw new InstarError('provider.unsupported', `there is no provider for ${platform}; there are ${[...known.keys()].join(', ')}`)
    }),
  )
}

async function tend(look: () => Promise<unknown>, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // The next look finds what this one could not do.
    await look().catch((error: unknown) => signal.aborted || log.error({ error }, 'minion pools could not be looked after'))
    await sleep(TEND_MS, undefined, { signal }).catch(() => undefined)
  }
}
