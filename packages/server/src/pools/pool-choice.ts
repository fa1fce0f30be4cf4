import { InstarError } from '@instar/contract'
import type { Db } from '../api-deps.ts'
import { notFound, rowId } from '../lists/row.ts'

/** Which pools a transfer or deployment names, and for what. */
export interface PoolChoice {
  readonly instances: readonly string[]
  readonly originEndpointId: string
  readonly destinationEndpointId: string
  readonly originPoolId: string | null
  readonly destinationPoolId: string | null
  /** instance -> pool */
  readonly osmorphingPools: Readonly<Record<string, string>>
}

interface Role {
  readonly name: string
  readonly platform: 'source' | 'destination'
  readonly endpointId: string
  readonly isLinuxOnly: boolean
  readonly machines: number
}

/** Throws `api.not-found` for a pool that is not there, `api.bad-request` for one that does not fit, `api.wrong-state` for one that is not ALLOCATED. */
export async function checkPools(db: Db, projectId: string, choice: PoolChoice): Promise<void> {
  const { instances, originPoolId, destinationPoolId, osmorphingPools } = choice
  const source = { platform: 'source', endpointId: choice.originEndpointId } as const
  const destination = { platform: 'destination', endpointId: choice.destinationEndpointId } as const
  if (originPoolId !== null) {
    await checkPool(db, { projectId, id: originPoolId }, { ...source, name: 'origin', isLinuxOnly: true, machines: instances.length })
  }
  if (destinationPoolId !== null) {
    await checkPool(
      db,
      { projectId, id: destinationPoolId },
      { ...destination, name: 'destination', isLinuxOnly: true, machines: instances.length },
    )
  }
  const unknown = Object.keys(osmorphingPools).find(instance => !instances.includes(instance))
  if (unknown !== undefined)
    throw new InstarError('api.bad-request', `a minion pool is mapped to "${unknown}", which is none of the instances`)
  const byPool = Map.groupBy(Object.values(osmorphingPools), id => id)
  for (const [id, mapped] of byPool) {
    await checkPool(db, { projectId, id }, { ...destination, name: 'OS morphing', isLinuxOnly: false, machines: mapped.length })
  }
}

async function checkPool(db: Db, of: { projectId: string; id: string }, role: Role): Promise<void> {
  const pool = await db
    .selectFrom('minion_pools')
    .innerJoin('actions', 'actions.id', 'minion_pools.id')
    .select(['minion_pools.id', 'endpoint_id', 'platform', 'os_type', 'status', 'maximum_minions'])
    .where('minion_pools.id', '=', rowId(of.id))
    .where('minion_pools.project_id', '=', of.projectId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (pool === undefined) throw notFound('minion pool', of.id)
  const what = `the ${role.name} minion pool ${pool.id}`
  if (pool.endpoint_id !== role.endpointId)
    throw new InstarError('api.bad-request', `${what} belongs to another endpoint than ${role.endpointId}`)
  if (pool.platform !== role.platform)
    throw new InstarError('api.bad-request', `${what} is a ${pool.platform} pool, not a ${role.platform} one`)
  if (role.isLinuxOnly && pool.os_type !== 'linux') throw new InstarError('api.bad-request', `${what} is for ${pool.os_type}, not linux`)
  if (pool.status !== 'ALLOCATED') throw new InstarError('api.wrong-state', `${what} is ${pool.status}, not ALLOCATED`)
  if (pool.maximum_minions < role.machines) {
    throw new InstarError('api.bad-request', `${what} has at most ${pool.maximum_minions} minions, and ${role.machines} are needed`)
  }
}
