import type { Kysely } from 'kysely'
import { InstarError } from '@instar/contract'
import type { Database } from '@instar/store'
import type { PlanSide } from '../plans/planned-step.ts'

/** The platform of an endpoint and the regions that its workers must be in. */
export async function readPlanSide(db: Kysely<Database>, endpointId: string): Promise<PlanSide> {
  const endpoint = await db.selectFrom('endpoints').select('type').where('id', '=', endpointId).executeTakeFirst()
  if (!endpoint) throw new InstarError('api.unknown-reference', `there is no endpoint ${endpointId}`)
  const regions = await db.selectFrom('endpoint_regions').select('region_id').where('endpoint_id', '=', endpointId).execute()
  return { platform: endpoint.type, regions: regions.map(({ region_id }) => region_id).sort() }
}
