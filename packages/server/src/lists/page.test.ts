import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { sortTerms } from './page.ts'

const columns = { id: sql`id`, created_at: sql`created_at`, notes: sql`notes` }

test('an unknown sort key is told with a guess and the keys that there are', () => {
  const telling = (message: string) => ({ code: 'api.bad-query', message })
  const there = 'there are id, created_at, notes'

  for (const [key, told] of [
    ['note', `unknown sort key "note" (did you mean "notes"?); ${there}`],
    ['size', `unknown sort key "size"; ${there}`],
    ['constructor', `unknown sort key "constructor"; ${there}`],
  ] as const)
    assert.throws(() => sortTerms({ sort_key: [key] }, columns), telling(told))
})

test('directions are asc and desc, and no more than keys', () => {
  assert.throws(() => sortTerms({ sort_dir: ['up'] }, columns), { message: 'unknown sort direction "up"; there are asc and desc' })
  assert.throws(() => sortTerms({ sort_dir: ['asc', 'asc'] }, columns), { message: '2 sort directions for 0 sort keys' })
})
