import type { Selectable } from 'kysely'
import { InstarError } from '@instar/contract'
import type { Diagnostics, RouteName, Service } from '@instar/contract/api'
import { WORKERS_CHANNEL } from '@instar/engine'
import type { Database } from '@instar/store'
import type { ApiDeps, Db, Trx } from '../api-deps.ts'
import type { Handlers } from '../http/call.ts'
import { notFound, rowId, timesOf } from '../lists/row.ts'
import { requireRegions } from './regions.ts'
import { isLive } from './workers.ts'

type WorkerRow = Selectable<Database['workers']>

/** Services are workers; they register themselves, and what an admin adds by hand waits for a worker of that host. */
export function serviceRoutes({ store, now, newId }: ApiDeps) {
  const { db } = store
  return {
    'services.list': async () => {
      const rows = await db.selectFrom('workers').selectAll().where('deleted_at', 'is', null).orderBy('created_at').orderBy('id').execute()
      return { services: await serviceObjects(db, rows, now()) }
    },
    'services.create': async ({ body, signal }) => {
      const { host, binary, topic, mapped_regions, enabled } = body.service
      const row = await store.transact(async trx => {
        const same = trx
          .selectFrom('workers')
          .select('id')
          .where('host', '=', host)
          .where('binary_name', '=', binary)
          .where('topic', '=', topic)
        const known = await same.where('deleted_at', 'is', null).executeTakeFirst()
        if (known !== undefined) {
          throw new InstarError('api.conflict', `service ${binary} with topic ${topic} on ${host} is there already: ${known.id}`)
        }
        const values = {
          id: newId(),
          host,
          binary_name: binary,
          topic,
          enabled: enabled ?? true,
          providers: '{}',
          specs: '{}',
          created_at: now(),
        }
        const row = await trx.insertInto('workers').values(values).returningAll().executeTakeFirstOrThrow()
        await setRegions(trx, row.id, mapped_regions ?? [])
        return row
      }, signal)
      return { service: await serviceObject(db, row, now()) }
    },
    'services.show': async ({ params }) => ({ service: await serviceObject(db, await findWorker(db, params.service_id), now()) }),
    'services.update': async ({ params, body, signal }) => {
      const { enabled, mapped_regions } = body.service
      const row = await store.transact(async trx => {
        const old = await findWorker(trx, params.service_id)
        if (mapped_regions) await setRegions(trx, old.id, mapped_regions)
        await store.notify(trx, WORKERS_CHANNEL, old.id)
        const values = { enabled: enabled ?? old.enabled, updated_at: now() }
        return trx.updateTable('workers').set(values).where('id', '=', old.id).returningAll().executeTakeFirstOrThrow()
      }, signal)
      return { service: await serviceObject(db, row, now()) }
    },
    'services.delete': async ({ params, signal }) => {
      const { id } = await findWorker(db, params.service_id)
      await store.transact(async trx => {
        await trx.updateTable('workers').set({ deleted_at: now() }).where('id', '=', id).execute()
        await store.notify(trx, WORKERS_CHANNEL, id)
      }, signal)
    },
  } satisfies Partial<Handlers<RouteName>>
}

export function diagnosticsRoutes({ store: { db }, now }: ApiDeps) {
  return {
    'diagnostics.show': async () => {
      const rows = await db.selectFrom('workers').selectAll().where('deleted_at', 'is', null).orderBy('created_at').execute()
      return { diagnostics: rows.filter(row => isLive(row, now())).map(diagnosticsOf) }
    },
  } satisfies Partial<Handlers<RouteName>>
}

async function findWorker(db: Db, id: string): Promise<WorkerRow> {
  const row = await db.selectFrom('workers').selectAll().where('id', '=', rowId(id)).where('deleted_at', 'is', null).executeTakeFirst()
  if (row === undefined) throw notFound('service', id)
  return row
}

async function setRegions(trx: Trx, workerId: string, regions: readonly string[]): Promise<void> {
  const ids = await requireRegions(trx, regions)
  await trx.deleteFrom('worker_regions').where('worker_id', '=', workerId).execute()
  if (ids.length > 0)
    await trx
      .insertInto('worker_regions')
      .values(ids.map(region_id => ({ worker_id: workerId, region_id })))
      .execute()
}

async function serviceObject(db: Db, row: WorkerRow, now: Date): Promise<Service> {
  const [service] = await serviceObjects(db, [row], now)
  return service!
}

async function serviceObjects(db: Db, rows: readonly WorkerRow[], now: Date): Promise<Service[]> {
  const regions = await db.selectFrom('worker_regions').selectAll().execute()
  return rows.map(row => ({
    id: row.id,
    host: row.host,
    binary: row.binary_name,
    topic: row.topic,
    enabled: row.enabled,
    status: row.beat_at === null ? 'UNKNOWN' : isLive(row, now) ? 'UP' : 'DOWN',
    mapped_regions: regions.filter(({ worker_id }) => worker_id === row.id).map(({ region_id }) => region_id),
    providers: Object.fromEntries(Object.entries(row.providers).map(([platform, { types }]) => [platform, { types: [...types] }])),
    specs: row.specs,
    ...timesOf(row),
  }))
}

/** What a worker told of its host when it registered; what it left out is empty. */
function diagnosticsOf({ specs, host, binary_name }: WorkerRow): Diagnostics {
  const texts = (key: string) => (Array.isArray(specs[key]) ? specs[key].map(String) : [])
  return {
    application: typeof specs['application'] === 'string' ? specs['application'] : binary_name,
    packages: texts('packages'),
    os_info: texts('os_info'),
    hostname: typeof specs['hostname'] === 'string' ? specs['hostname'] : host,
    ip_addresses: Array.isArray(specs['ip_addresses']) ? specs['ip_addresses'] : [],
    release_tag: typeof specs['release_tag'] === 'string' ? specs['release_tag'] : 'latest',
  }
}
