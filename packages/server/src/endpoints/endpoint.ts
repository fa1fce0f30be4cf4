import type { Selectable } from 'kysely'
import { mayAct, shownConnection, type Endpoint } from '@instar/contract/api'
import type { Database, Vault } from '@instar/store'
import type { Db } from '../api-deps.ts'
import type { Caller } from '../http/call.ts'
import { notFound, rowId, timesOf } from '../lists/row.ts'
import { maskObject } from '../secrets/mask.ts'

export type EndpointRow = Selectable<Database['endpoints']>

export async function findEndpoint(db: Db, projectId: string, id: string): Promise<EndpointRow | undefined> {
  return db
    .selectFrom('endpoints')
    .selectAll()
    .where('id', '=', rowId(id))
    .where('project_id', '=', projectId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

/** Throws `api.not-found`. */
export async function requireEndpoint(db: Db, projectId: string, id: string): Promise<EndpointRow> {
  const row = await findEndpoint(db, projectId, id)
  if (row === undefined) throw notFound('endpoint', id)
  return row
}

type ConnectionInfo = Record<string, unknown>

export function sealConnection(vault: Vault, id: string, info: ConnectionInfo): Buffer {
  return vault.seal(info, `endpoints:${id}:connection_info`)
}

/** As the user gave it. */
export function openConnection(vault: Vault, row: Pick<EndpointRow, 'id' | 'connection_info'>): ConnectionInfo {
  return shownConnection(openStoredConnection(vault, row))
}

/** With what was read from a key manager. */
export function openStoredConnection(vault: Vault, row: Pick<EndpointRow, 'id' | 'connection_info'>): ConnectionInfo {
  return vault.open(row.connection_info, `endpoints:${row.id}:connection_info`) as ConnectionInfo
}

/** The endpoints as this caller may see them: connection data in clear only for who may use it. */
export async function endpointObjects(db: Db, rows: readonly EndpointRow[], seen: { vault: Vault; caller: Caller }): Promise<Endpoint[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const regions = await db.selectFrom('endpoint_regions').selectAll().where('endpoint_id', 'in', ids).execute()
  const isTrusted = mayAct(seen.caller.roles, 'member')
  return rows.map(row => {
    const info = openConnection(seen.vault, row)
    return {
      id: row.id,
      user_id: row.user_id,
      project_id: row.project_id,
      type: row.type,
      name: row.name,
      description: row.description,
      connection_info: isTrusted ? info : maskObject(info),
      mapped_regions: regions.filter(({ endpoint_id }) => endpoint_id === row.id).map(({ region_id }) => region_id),
      ...timesOf(row),
    }
  })
}

/** The regions that a worker for this endpoint must be in; `none-enabled` when it has regions and no worker may serve any of them. */
export async function endpointRegions(db: Db, endpointId: string): Promise<string[] | 'none-enabled'> {
  const rows = await db
    .selectFrom('endpoint_regions')
    .innerJoin('regions', 'regions.id', 'region_id')
    .select(['region_id', 'enabled'])
    .where('endpoint_id', '=', endpointId)
    .where('deleted_at', 'is', null)
    .execute()
  const enabled = rows.filter(row => row.enabled).map(row => row.region_id)
  return rows.length > 0 && enabled.length === 0 ? 'none-enabled' : enabled
}
