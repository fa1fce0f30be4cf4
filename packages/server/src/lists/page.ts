import { sql, type RawBuilder, type SelectQueryBuilder } from 'kysely'
import { InstarError } from '@instar/contract'
import { closest } from '@instar/contract/closest'
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
      throw unknownSortKey(key, Object.keys(columns))
    }
    return { column, descending: (directions[at] ?? first) === 'desc' }
  })
}

function unknownSortKey(key: string, known: readonly string[]): InstarError {
  const guess = closest(key, known)
  const asked = guess === undefined ? '' : ` (did you mean "${guess}"?)`
  return new InstarError('api.bad-query', `unknown sort key "${key}"${asked}; there are ${known.join(', ')}`)
}

interface PageOf<DB, TB extends keyof DB, O> {
  /** The list with its filters. */
  readonly select: SelectQueryBuilder<DB, TB, O>
  /** Every row that may be a marker: one may have left the list since it was the last of a page. */
  readonly all: SelectQueryBuilder<DB, TB, O>
  readonly db: Db
  readonly columns: SortColumns & { readonly id: RawBuilder<unknown> }
}

/**
 * Puts order, marker and limit on a select. The page begins after the marker; a marker that is not there is refused, where Coriolis begins anew and
 * a client could go round for ever.
 */
export async function page<DB, TB extends keyof DB, O>(query: ListQuery, of: PageOf<DB, TB, O>): Promise<O[]> {
  if (query.limit === 0) return []
  const terms = sortTerms(query, of.columns)
  let ordered = of.select
  for (const { column, descending } of terms) ordered = ordered.orderBy(column, order => (descending ? order.desc() : order.asc()))
  if (query.limit !== undefined) ordered = ordered.limit(query.limit)
  if (query.marker === undefined) return ordered.execute()
  return ordered.offset(await rowsBefore(query.marker, terms, of)).execute()
}

/** How many rows of the list stand up to and including the marker. */
async function rowsBefore<DB, TB extends keyof DB, O>(
  marker: string,
  terms: readonly SortTerm[],
  { select, all, db, columns }: PageOf<DB, TB, O>,
): Promise<number> {
  const order = sql.join(terms.map(({ column, descending }) => (descending ? sql`${column} desc` : sql`${column} asc`)))
  const id = columns.id.$castTo<string>().as('id')
  const places = all.clearSelect().select([id, sql<number>`row_number() over (order by ${order})`.as('place')])
  const found = await sql<{ before: number }>`
    with places as (${places}), listed as (${select.clearSelect().select(id)})
    select (select count(*)::int from listed join places on places.id = listed.id where places.place <= marker.place) as before
    from places marker where marker.id = ${rowId(marker)}`.execute(db)
  const before = found.rows[0]?.before
  if (before === undefined)
    throw new InstarError('api.bad-query', `the marker ${marker} is not in the list`, {
      hint: 'A marker is the id of the last object of the page before; without one the list begins anew.',
    })
  return before
}
