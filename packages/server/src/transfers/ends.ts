import { InstarError } from '@instar/contract'
import type { Db } from '../api-deps.ts'
import type { EndpointRow } from '../endpoints/endpoint.ts'

/** The endpoints of a transfer or deployment. Deployments may outlive theirs: throws `api.wrong-state` for one that was deleted. */
export async function loadEnds(
  db: Db,
  move: { readonly origin_endpoint_id: string; readonly destination_endpoint_id: string },
): Promise<{ origin: EndpointRow; destination: EndpointRow }> {
  const ids = [move.origin_endpoint_id, move.destination_endpoint_id]
  const rows = await db.selectFrom('endpoints').selectAll().where('id', 'in', ids).where('deleted_at', 'is', null).execute()
  const find = (id: string) => {
    const row = rows.find(row => row.id === id)
    if (row === undefined) throw new InstarError('api.wrong-state', `endpoint ${id} was deleted`)
    return row
  }
  return { origin: find(move.origin_endpoint_id), destination: find(move.destination_endpoint_id) }
}
