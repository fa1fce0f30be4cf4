import { InstarError } from '@instar/contract'
import type { PlanSide } from '@instar/engine'
import type { Db } from '../api-deps.ts'
import { endpointRegions, type EndpointRow } from '../endpoints/endpoint.ts'

/** The end of a plan at this endpoint. Throws `engine.no-worker` when all its regions are disabled. */
export async function planSide(db: Db, endpoint: Pick<EndpointRow, 'id' | 'type'>): Promise<PlanSide> {
  const regions = await endpointRegions(db, endpoint.id)
  if (regions === 'none-enabled') throw new InstarError('engine.no-worker', `all regions of endpoint ${endpoint.id} are disabled`)
  return { platform: endpoint.type, regions }
}
