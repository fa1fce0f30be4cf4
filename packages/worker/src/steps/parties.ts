import { InstarError } from '@instar/contract'
import { secretRefOf, usableConnection } from '@instar/contract/api'
import type { StepContext } from '@instar/engine'
import type { Store, Vault } from '@instar/store'
import type { Own } from '../providers/provider.ts'

/** An endpoint as steps need it. */
export interface Party {
  readonly name: string
  readonly platform: string
  readonly connectionInfo: Own
}

/** The endpoint at one end of an execution. Read when a step starts: changed connection data counts from the next task on (coriolis-api.md 5.10). */
export async function loadEnd({ store, execution }: StepContext, end: 'origin' | 'destination'): Promise<Party> {
  const ofMove = store.db
    .selectFrom(execution.kind === 'deployment' ? 'deployments' : 'transfers')
    .select(`${end}_endpoint_id`)
    .where('id', '=', execution.actionId)
  return openParty(store.vault, await selectParty(store).where('id', '=', ofMove).executeTakeFirstOrThrow())
}

/** An endpoint that was deleted meanwhile still serves what it began. Throws `endpoint.secret-unread`. */
export async function loadParty(store: Store, endpointId: string): Promise<Party> {
  return openParty(store.vault, await selectParty(store).where('id', '=', endpointId).executeTakeFirstOrThrow())
}

function selectParty({ db }: Store) {
  return db.selectFrom('endpoints').select(['id', 'name', 'type', 'connection_info'])
}

interface PartyRow {
  readonly id: string
  readonly name: string
  readonly type: string
  readonly connection_info: Buffer
}

function openParty(vault: Vault, { id, name, type, connection_info }: PartyRow): Party {
  const stored = vault.open(connection_info, `endpoints:${id}:connection_info`) as Own
  const connectionInfo = usableConnection(stored)
  if (connectionInfo === undefined) {
    throw new InstarError(
      'endpoint.secret-unread',
      `the connection data of ${name} lies at ${secretRefOf(stored)}, and was never read there`,
    )
  }
  return { name, platform: type, connectionInfo }
}
