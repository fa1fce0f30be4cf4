import { sql } from 'kysely'
import { JsonText, RowTexts, type RowVersion } from '../lists/json-text.ts'
import type { SortColumns } from '../lists/page.ts'

/** What a list of transfers or deployments can be sorted by. */
export const MOVE_SORT = {
  id: sql`actions.id`,
  base_id: sql`actions.id`,
  created_at: sql`actions.created_at`,
  // Never changed counts as changed when it was made.
  updated_at: sql`coalesce(actions.updated_at, actions.created_at)`,
  deleted_at: sql`coalesce(actions.deleted_at, 'infinity')`,
  user_id: sql`actions.user_id`,
  project_id: sql`actions.project_id`,
  instances: sql`actions.instances`,
  last_execution_status: sql`coalesce(actions.last_execution_state, '')`,
  notes: sql`coalesce(notes, '')`,
  scenario: sql`scenario`,
  origin_endpoint_id: sql`origin_endpoint_id`,
  destination_endpoint_id: sql`destination_endpoint_id`,
  clone_disks: sql`clone_disks`,
  skip_os_morphing: sql`skip_os_morphing`,
} satisfies SortColumns

/** PostgreSQL's own: the transactions that last wrote the two rows of a transfer or deployment. */
export function moveVersion(table: 'transfers' | 'deployments') {
  return sql<string>`actions.xmin || ':' || ${sql.ref(table)}.xmin`.as('version')
}

export interface MoveList<Row extends RowVersion> {
  /** Of the answer. */
  readonly key: 'transfers' | 'deployments'
  /** The rows of these ids that are the project's, in any order. */
  load(projectId: string, ids: readonly string[]): Promise<Row[]>
  /** What a list shows of a row, by its schema; must follow from the row alone. */
  show(row: Row): object
}

export interface MoveListWriter<Row> {
  /** The answer with these rows in their order; only those that changed since they were last asked for are read and written. */
  write(projectId: string, found: readonly RowVersion[]): Promise<JsonText>
  /** The rows themselves in their order, for lists that show more than the rows. One that is gone meanwhile is left out. */
  load(projectId: string, found: readonly RowVersion[]): Promise<Row[]>
}

/** For the lists of transfers and of deployments, which are asked for again and again. One for the life of a server. */
export function createMoveList<Row extends RowVersion>(list: MoveList<Row>): MoveListWriter<Row> {
  const texts = new RowTexts()
  return {
    write: async (projectId, found) => {
      const written = await texts.of(found, async ids => {
        const rows = await list.load(projectId, ids)
        return rows.map(row => ({ id: row.id, version: row.version, text: JSON.stringify(list.show(row)) }))
      })
      return new JsonText(`{"${list.key}":[${written.join()}]}`)
    },
    load: async (projectId, found) => {
      if (found.length === 0) return []
      const ids = found.map(({ id }) => id)
      const byId = new Map((await list.load(projectId, ids)).map(row => [row.id, row]))
      return ids.flatMap(id => byId.get(id) ?? [])
    },
  }
}
