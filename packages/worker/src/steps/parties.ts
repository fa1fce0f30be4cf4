import type { StepContext } from '@instar/engine'
import type { Store } from '@instar/store'
import type { Own } from '../providers/provider.ts'

/** An endpoint as steps need it. */
export interface Party {
  readonly name: string
  readonly platform: string
  readonly connectionInfo: Own
}

/** The endpoints of an execution. A pool has one of the two. */
export interface Parties {
  readonly origin?: Party
  readonly destination?: Party
}

/** Read when a step starts: changed connection data counts from the next task on (coriolis-api.md 5.10). */
export async function loadParties({ store, execution }: StepContext): Promise<Parties> {
  const table = execution.kind === 'deployment' ? 'deployments' : 'transfers'
  const { origin_endpoint_id, destination_endpoint_id } = await store.db
    .selectFrom(table)
    .select(['origin_endpoint_id', 'destination_endpoint_id'])
    .where('id', '=', execution.actionId)
    .executeTakeFirstOrThrow()
  return { origin: await loadParty(store, origin_endpoint_id), destination: await loadParty(store, destination_endpoint_id) }
}

/** An endpoint that was deleted meanwhile still serves what it began. */
export async function loadParty({ db, vault }: Store, endpointId: string): Promise<Party> {
  const { name, type, connection_info } = await db
    .selectFrom('endpoints')
    .select(['name', 'type', 'connection_info'])
    .where('id', '=', endpointId)
    .executeTakeFirstOrThrow()
  return { name, platform: type, connectionInfo: vault.open(connection_info, `endpoints:${endpointId}:connection_info`) as Own }
}
