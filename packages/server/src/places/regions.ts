import type { Selectable } from 'kysely'
import type { Region, RouteName } from '@instar/contract/api'
import { InstarError } from '@instar/contract'
import { WORKERS_CHANNEL } from '@instar/engine'
import type { Database } from '@instar/store'
import type { ApiDeps, Db } from '../api-deps.ts'
import type { Handlers } from '../http/call.ts'
import { isUuid, notFound, rowId, timesOf } from '../lists/row.ts'

/** Regions belong to the installation and not to a project; only the endpoints of one's own project are shown with them. */
export function regionRoutes({ store, now, newId }: ApiDeps) {
  const { db } = store
  return {
    'regions.list': async ({ projectId }) => {
      const rows = await db.selectFrom('regions').selectAll().where('deleted_at', 'is', null).orderBy('created_at').orderBy('id').execute()
      return { regions: await regionObjects(db, rows, projectId) }
    },
    'regions.create': async ({ body, projectId }) => {
      const { name, description, enabled } = body.region
      const values = { id: newId(), name, description: description ?? '', enabled: enabled ?? true, created_at: now() }
      const row = await db.insertInto('regions').values(values).returningAll().executeTakeFirstOrThrow()
      return { region: await regionObject(db, row, projectId) }
    },
    'regions.show': async ({ params, projectId }) => ({
      region: await regionObject(db, await findRegion(db, params.region_id), projectId),
    }),
    'regions.update': async ({ params, body, projectId }) => {
      const old = await findRegion(db, params.region_id)
      const { name, description, enabled } = body.region
      const values = {
        name: name ?? old.name,
        description: description ?? old.description,
        enabled: enabled ?? old.enabled,
        updated_at: now(),
      }
      const row = await db.updateTable('regions').set(values).where('id', '=', old.id).returningAll().executeTakeFirstOrThrow()
      await store.notify(db, WORKERS_CHANNEL, '')
      return { region: await regionObject(db, row, projectId) }
    },
    'regions.delete': async ({ params }) => {
      const { id } = await findRegion(db, params.region_id)
      await db.transaction().execute(async trx => {
        await trx.deleteFrom('endpoint_regions').where('region_id', '=', id).execute()
        await trx.deleteFrom('worker_regions').where('region_id', '=', id).execute()
        await trx.updateTable('regions').set({ deleted_at: now() }).where('id', '=', id).execute()
        await store.notify(trx, WORKERS_CHANNEL, '')
      })
    },
  } satisfies Partial<Handlers<RouteName>>
}

type RegionRow = Selectable<Database['regions']>

async function findRegion(db: Db, id: string): Promise<RegionRow> {
  const row = await db.selectFrom('regions').selectAll().where('id', '=', rowId(id)).where('deleted_at', 'is', null).executeTakeFirst()
  if (row === undefined) throw notFound('region', id)
  return row
}

async function regionObject(db: Db, row: RegionRow, projectId: string): Promise<Region> {
  const [region] = await regionObjects(db, [row], projectId)
  return region!
}

async function regionObjects(db: Db, rows: readonly RegionRow[], projectId: string): Promise<Region[]> {
  const endpoints = await db
    .selectFrom('endpoint_regions')
    .innerJoin('endpoints', 'endpoints.id', 'endpoint_id')
    .select(['region_id', 'endpoint_id'])
    .where('project_id', '=', projectId)
    .where('deleted_at', 'is', null)
    .execute()
  const workers = await db
    .selectFrom('worker_regions')
    .innerJoin('workers', 'workers.id', 'worker_id')
    .select(['region_id', 'worker_id'])
    .where('deleted_at', 'is', null)
    .execute()
  return rows.map(row => ({
    id: row.id,
    name: row.name,
    description: row.description ?? '',
    enabled: row.enabled,
    mapped_endpoints: endpoints.filter(({ region_id }) => region_id === row.id).map(({ endpoint_id }) => endpoint_id),
    mapped_services: workers.filter(({ region_id }) => region_id === row.id).map(({ worker_id }) => worker_id),
    ...timesOf(row),
  }))
}

/** The ids of regions in a request, each once. Throws `api.not-found` for one that is not there. */
export async function requireRegions(db: Db, ids: readonly string[]): Promise<string[]> {
  const wanted = [...new Set(ids)]
  const unknown = wanted.find(id => !isUuid(id))
  if (unknown !== undefined) throw notFound('region', unknown)
  if (wanted.length === 0) return []
  const rows = await db.selectFrom('regions').select('id').where('id', 'in', wanted).where('deleted_at', 'is', null).execute()
  if (rows.length < wanted.length) {
    const missing = wanted.filter(id => !rows.some(row => row.id === id.toLowerCase()))
    throw new InstarError('api.not-found', `region ${missing.join(', ')} was not found`)
  }
  return rows.map(({ id }) => id)
}
