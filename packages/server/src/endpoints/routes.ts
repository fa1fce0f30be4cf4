import { shownConnection, type EndpointCreate, type EndpointUpdate, type RouteName } from '@instar/contract/api'
import { InstarError } from '@instar/contract'
import type { ApiDeps, Trx } from '../api-deps.ts'
import type { Call, Caller, Handlers } from '../http/call.ts'
import { requireRegions } from '../places/regions.ts'
import { restoreObject } from '../secrets/mask.ts'
import { ask } from './ask.ts'
import { endpointObjects, openConnection, requireEndpoint, sealConnection, type EndpointRow } from './endpoint.ts'
import type { EndpointDeps } from './read-secret.ts'

export function endpointRoutes(deps: EndpointDeps) {
  const { store } = deps
  const { db, vault } = store
  const show = async (row: EndpointRow, caller: Caller) => {
    const [endpoint] = await endpointObjects(db, [row], { vault, caller })
    return { endpoint: endpoint! }
  }
  return {
    'endpoints.list': async ({ projectId, caller }) => {
      const rows = db.selectFrom('endpoints').selectAll().where('project_id', '=', projectId).where('deleted_at', 'is', null)
      return { endpoints: await endpointObjects(db, await rows.orderBy('created_at').orderBy('id').execute(), { vault, caller }) }
    },
    'endpoints.create': async ({ body, projectId, caller, signal }) => {
      const owner = { projectId, userId: caller.userId }
      return show(await store.transact(trx => createEndpoint(deps, trx, owner, body.endpoint), signal), caller)
    },
    'endpoints.show': async ({ params, projectId, caller }) => show(await requireEndpoint(db, projectId, params.endpoint_id), caller),
    'endpoints.update': async ({ params, body, projectId, caller, signal }) => {
      const change = (trx: Trx) => updateEndpoint(deps, trx, { projectId, id: params.endpoint_id }, body.endpoint)
      return show(await store.transact(change, signal), caller)
    },
    'endpoints.delete': async ({ params, projectId, signal }) => {
      await store.transact(trx => deleteEndpoint(deps, trx, { projectId, id: params.endpoint_id }), signal)
    },
    'endpoints.act': async call => ({ 'validate-connection': await validateConnection(deps, call) }),
  } satisfies Partial<Handlers<RouteName>>
}

async function createEndpoint(
  { store, now, newId }: ApiDeps,
  trx: Trx,
  owner: { projectId: string; userId: string },
  given: EndpointCreate,
) {
  const id = newId()
  const row = await trx
    .insertInto('endpoints')
    .values({
      id,
      project_id: owner.projectId,
      user_id: owner.userId,
      type: given.type,
      name: given.name,
      description: given.description ?? null,
      connection_info: sealConnection(store.vault, id, shownConnection(given.connection_info)),
      created_at: now(),
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await setRegions(trx, id, given.mapped_regions ?? [])
  return row
}

interface Owned {
  readonly projectId: string
  readonly id: string
}

async function updateEndpoint({ store, now }: ApiDeps, trx: Trx, { projectId, id }: Owned, given: EndpointUpdate): Promise<EndpointRow> {
  const old = await requireEndpoint(trx, projectId, id)
  if (given.mapped_regions) await setRegions(trx, old.id, given.mapped_regions)
  const { name, description, connection_info } = given
  // A change of regions alone leaves updated_at as it was: they are no column of the endpoint.
  if (!name && description === undefined && !connection_info) return old
  const values = {
    name: name ?? old.name,
    description: description === undefined ? old.description : description,
    connection_info: connection_info
      ? sealConnection(store.vault, old.id, shownConnection(restoreObject(connection_info, openConnection(store.vault, old))))
      : old.connection_info,
    updated_at: now(),
  }
  return trx.updateTable('endpoints').set(values).where('id', '=', old.id).returningAll().executeTakeFirstOrThrow()
}

/** Refused while something needs it: a transfer on either side, or a minion pool. */
async function deleteEndpoint({ now }: ApiDeps, trx: Trx, { projectId, id }: Owned): Promise<void> {
  const row = await requireEndpoint(trx, projectId, id)
  const transfers = await trx
    .selectFrom('transfers')
    .innerJoin('actions', 'actions.id', 'transfers.id')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('deleted_at', 'is', null)
    .where(eb => eb.or([eb('origin_endpoint_id', '=', row.id), eb('destination_endpoint_id', '=', row.id)]))
    .executeTakeFirstOrThrow()
  if (transfers.count > 0) throw new InstarError('api.in-use', `${transfers.count} transfers use endpoint ${row.id}`)
  const pools = await trx
    .selectFrom('minion_pools')
    .innerJoin('actions', 'actions.id', 'minion_pools.id')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('deleted_at', 'is', null)
    .where('endpoint_id', '=', row.id)
    .executeTakeFirstOrThrow()
  if (pools.count > 0) throw new InstarError('api.in-use', `${pools.count} minion pools use endpoint ${row.id}`)
  await trx.deleteFrom('endpoint_regions').where('endpoint_id', '=', row.id).execute()
  // The connection data goes at once; the row stays for the deployments that name it.
  await trx
    .updateTable('endpoints')
    .set({ deleted_at: now(), connection_info: Buffer.alloc(0) })
    .where('id', '=', row.id)
    .execute()
}

async function setRegions(trx: Trx, endpointId: string, regions: readonly string[]): Promise<void> {
  const ids = await requireRegions(trx, regions)
  await trx.deleteFrom('endpoint_regions').where('endpoint_id', '=', endpointId).execute()
  if (ids.length > 0)
    await trx
      .insertInto('endpoint_regions')
      .values(ids.map(region_id => ({ endpoint_id: endpointId, region_id })))
      .execute()
}

/** A connection that does not work is an answer and not an error; that no worker knows the platform is an error. */
async function validateConnection(deps: EndpointDeps, by: Call<'endpoints.act'>): Promise<{ valid: boolean; message: string | null }> {
  const endpoint = await requireEndpoint(deps.store.db, by.projectId, by.params.endpoint_id)
  try {
    return await ask(deps, { endpoint, kind: 'validate_connection', capability: 'endpoint', body: {}, by })
  } catch (error) {
    if (error instanceof InstarError && !error.code.startsWith('engine.') && error.code !== 'internal.bug') {
      // Where the secret is to be read is the operator's to say, and the hint tells.
      const hint = error.code.startsWith('endpoint.') ? `. ${error.hint}` : ''
      return { valid: false, message: `${error.message}${hint}` }
    }
    throw error
  }
}
