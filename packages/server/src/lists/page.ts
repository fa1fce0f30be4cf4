import { sql, type RawBuilder, type SelectQueryBuilder } from 'kysely'
import { InstarError } from '@instar/contract'
import type { ListQuery } from '@instar/contract/api'
import type { Db } from '../api-deps.ts'
import { rowId } from './row.ts'

/** Sort keys of the wire with the columns that they stand for. */
export type SortColumns = Readonly<Record<string, RawBuilder<unknown>>>

interface SortTerm {
  readonly column: RawBuilder<unknown>
  readonly descending: boolean
}

/**
 * The order of a list: keys and directions of the query, then time of creation and id, so that it is total. Newest first by default. Throws
 * `api.bad-query` for an unknown key or direction, or more directions than keys.
 */
export function sortTerms(query: ListQuery, columns: SortColumns): SortTerm[] {
  const keys = query.sort_key ?? query.sort_keys ?? []
  const directions = query.sort_dir ?? query.sort_dirs ?? []
  const bad = directions.find(direction => direction !== 'asc' && direction !== 'desc')
  if (bad !== undefined) throw new InstarError('api.bad-query', `unknown sort direction "${bad}"; there are asc and desc`)
  if (directions.length > Math.max(keys.length, 1)) {
    throw new InstarError('api.bad-query', `${directions.length} sort directions for ${keys.length} sort keys`)
  }
  const first = directions[0] ?? 'desc'
  const all = [...keys, ...['created_at', 'id'].filter(key => !keys.includes(key))]
  return all.map((key, at) => {
    const column = columns[key]
    if (column === undefined || !Object.hasOwn(columns, key)) {
      throw new InstarError('api.bad-query', `unknown sort key "${key}"; there are ${Object.keys(columns).join(', ')}`)
    }
    return { column, descending: (directions[at] ?? first) === 'desc' }
  })
}

/**
 * Puts order, marker and limit on a select. The page begins after the marker; a marker that is not in the list is refused, where Coriolis begins
 * anew and a client could go round for ever.
 */
export async function page<DB, TB extends keyof DB, O>(
  select: SelectQueryBuilder<DB, TB, O>,
  query: ListQuery,
  { db, columns }: { readonly db: Db; readonly columns: SortColumns & { readonly id: RawBuilder<unknown> } },
): Promise<O[]> {
  if (query.limit === 0) return []
  const terms = sortTerms(query, columns)
  let ordered = select
  for (const { column, descending } of terms) ordered = ordered.orderBy(column, order => (descending ? order.desc() : order.asc()))
  if (query.limit !== undefined) ordered = ordered.limit(query.limit)
  if (query.marker === undefined) return ordered.execute()
  const order = sql.join(terms.map(({ column, descending }) => (descending ? sql`${column} desc` : sql`${column} asc`)))
  const places = select
    .clearSelect()
    .select([columns.id.$castTo<string>().as('marker_id'), sql<number>`row_number() over (order by ${order})`.as('place')])
  const found = await sql<{ place: number }>`select place from (${places}) as places where marker_id = ${rowId(query.marker)}`.execute(db)
  const place = found.rows[0]?.place
  if (place === undefined) throw new InstarError('api.bad-query', `the marker ${query.marker} is not in the list`)
  return ordered.offset(place).execute()
}
