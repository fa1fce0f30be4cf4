import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sql } from 'kysely'
import { createTestStore } from '../testing/create-test-store.ts'

/** The columns that each interface `XTable` of this folder names, with those it inherits from `Dated`. */
function describedTables(): Map<string, string[]> {
  const text = readdirSync(import.meta.dirname)
    .filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map(file => readFileSync(join(import.meta.dirname, file), 'utf8'))
    .join('\n')
  const bodies = new Map([...text.matchAll(/interface (\w+)( extends Dated)? \{\n([\s\S]*?)\n\}/g)].map(found => [found[1]!, found]))
  const columnsOf = (body: string) => [...body.matchAll(/(?:^ {2}|\{ |; )(\w+): /gm)].map(([, name]) => name!)
  const tables = [...text.matchAll(/^ {2}(\w+): (?:(\w+Table)|(\{.*\}))$/gm)]
  return new Map(
    tables.map(([, name, type, inline]) => {
      const [, , dated, body = ''] = bodies.get(type ?? '') ?? []
      const own = inline === undefined ? columnsOf(body) : columnsOf(inline)
      return [name!, [...own, ...(dated === undefined ? [] : ['created_at', 'updated_at'])].sort()]
    }),
  )
}

test('the described tables and columns are those that the migrations make', async () => {
  await using store = await createTestStore()
  const { rows } = await sql<{ name: string; columns: string[] }>`
    select table_name as name, array_agg(column_name::text order by column_name) as columns from information_schema.columns
    where table_schema = 'public' and table_name <> 'migrations' group by table_name`.execute(store.db)

  const inDatabase = Object.fromEntries(rows.map(({ name, columns }) => [name, columns.toSorted()]))

  assert.deepEqual(Object.fromEntries(describedTables()), inDatabase)
})
