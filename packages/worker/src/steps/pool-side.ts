import { InstarError } from '@instar/contract'
import type { MinionDetails, StepContext } from '@instar/engine'
import type { MinionMachine, PoolHalf } from '../providers/pool-half.ts'
import type { Own, TaskCall } from '../providers/provider.ts'
import { loadParty } from './parties.ts'
import { parseSettings, partyOf, taskCall, type StepWorld } from './side.ts'

/** A pool as its tasks see it. */
export interface PoolSide {
  readonly half: PoolHalf<unknown, unknown>
  readonly call: TaskCall<unknown, unknown>
  readonly poolId: string
  /** The settings of the pool, as the user wrote them. */
  readonly environment: Own
  readonly shared: Own | null
}

/** `key` is the same for all that is ever done with one machine of the pool, or with the pool. */
export async function openPool(
  world: StepWorld,
  context: StepContext,
  of: { readonly poolId: string; readonly key: string; readonly purpose: string },
): Promise<PoolSide> {
  const pool = await world.pools.records.readPool(of.poolId)
  const { provider, connection } = partyOf(world, await loadParty(context.store, pool.endpointId))
  const half = pool.platform === 'source' ? provider.sourcePool : provider.destinationPool
  if (!half) throw new InstarError('provider.unsupported', `${provider.platform} has no pools of ${pool.platform} minions`)
  const environment = parseSettings(half.environment, pool.environment, 'options of the minion pool')
  return {
    half,
    call: taskCall(context, { purpose: of.purpose, key: of.key, connection, environment }),
    poolId: of.poolId,
    environment: pool.environment,
    shared: pool.shared,
  }
}

export function machineOf(details: MinionDetails): MinionMachine {
  return {
    providerProperties: details.provider_properties,
    connectionInfo: details.connection_info,
    ...(details.backup_writer_connection_info && { backupWriterConnectionInfo: details.backup_writer_connection_info }),
  }
}

export function detailsOf(machine: MinionMachine): MinionDetails {
  return {
    provider_properties: machine.providerProperties,
    connection_info: machine.connectionInfo,
    ...(machine.backupWriterConnectionInfo && { backup_writer_connection_info: machine.backupWriterConnectionInfo }),
  }
}
