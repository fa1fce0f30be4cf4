import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startService, type Service } from './service.ts'

interface Move {
  id: string
  transfer_id?: string
  last_execution_status: string
  notes: string | null
  transfer_result: object | null
  updated_at: string | null
  deleted_at: string | null
}

let service: Service
before(async () => {
  service = await startService()
})
after(() => service[Symbol.asyncDispose]())

const ENDED = ['COMPLETED', 'ERROR', 'CANCELED']
const list = async (kind: 'transfers' | 'deployments', query = '') =>
  (await service.json<Record<string, Move[]>>('GET', `/${kind}${query}`))[kind]!

async function ended(kind: 'transfer' | 'deployment', id: string): Promise<Move> {
  const answer = await service.until<Record<string, Move>>(`/${kind}s/${id}`, answer => ENDED.includes(answer[kind]!.last_execution_status))
  return answer[kind]!
}

/** What both show. */
const shown = ({ id, last_execution_status, notes, transfer_result, updated_at, deleted_at }: Move) => ({
  id,
  last_execution_status,
  notes,
  transfer_result,
  updated_at,
  deleted_at,
})

test('lists that were asked for before show each change of a transfer and of its deployment at once', async () => {
  const { transfer } = await service.makeTransfer({ notes: 'first' })
  assert.deepEqual(
    (await list('transfers')).map(shown).map(({ notes }) => notes),
    ['first'],
  )
  assert.deepEqual(await list('deployments'), [])

  await service.json('POST', `/transfers/${transfer}/executions`, { body: { execution: {} } })
  assert.notEqual((await list('transfers'))[0]!.last_execution_status, 'UNEXECUTED')
  assert.deepEqual([await ended('transfer', transfer)].map(shown), (await list('transfers')).map(shown))
  await service.json('PUT', `/transfers/${transfer}`, { body: { transfer: { notes: 'second' } } })
  await ended('transfer', transfer)
  assert.equal((await list('transfers'))[0]!.notes, 'second')

  const body = { deployment: { transfer_id: transfer } }
  const { deployment } = await service.json<{ deployment: Move }>('POST', '/deployments', { body })
  assert.deepEqual(
    (await list('deployments')).map(({ id, transfer_result }) => ({ id, transfer_result })),
    [{ id: deployment.id, transfer_result: null }],
  )
  const made = await ended('deployment', deployment.id)
  assert.equal(made.last_execution_status, 'COMPLETED')
  assert.ok(made.transfer_result !== null)
  assert.deepEqual((await list('deployments')).map(shown), [shown(made)])
  assert.deepEqual((await list('deployments', '?status=ERROR')).map(shown), [])
  assert.deepEqual((await list('deployments', '?include_task_info=true')).map(shown), [shown(made)])

  await service.ask('DELETE', `/deployments/${deployment.id}`)
  assert.deepEqual(await list('deployments'), [])
  const [gone] = await list('deployments', '?show_deleted=true')
  assert.ok(gone !== undefined && gone.deleted_at !== null)
})

test('a list shows the present row whoever changed it', async () => {
  const { transfer } = await service.makeTransfer()
  await service.json('POST', `/transfers/${transfer}/executions`, { body: { execution: { auto_deploy: true } } })
  await ended('transfer', transfer)
  const { id } = (await list('deployments')).find(({ transfer_id }) => transfer_id === transfer)!
  const { db } = service.server.store

  // As another server or a worker would.
  await db.updateTable('deployments').set({ notes: 'of another process' }).where('id', '=', id).execute()
  assert.equal((await list('deployments')).find(row => row.id === id)!.notes, 'of another process')
  await db.updateTable('actions').set({ deleted_at: new Date() }).where('id', '=', id).execute()
  assert.equal(
    (await list('deployments')).find(row => row.id === id),
    undefined,
  )
})
