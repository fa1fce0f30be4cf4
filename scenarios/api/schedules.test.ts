import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, test } from 'node:test'
import type { Session, TestServer } from '@instar/server/testing'
import { makeWorld, startCannedService } from './world.ts'

let server: TestServer
before(async () => {
  server = await startCannedService()
})
after(() => server[Symbol.asyncDispose]())

interface Listed {
  executions: { id: string; status: string }[]
}

async function schedule(session: Session, transfer: string): Promise<string> {
  const url = `/v1/${session.projectId}/transfers/${transfer}/schedules`
  const made = await server.request({ method: 'POST', url, token: session.token, payload: { schedule: {} } })
  const { id } = made.json<{ schedule: { id: string } }>().schedule
  // Made in an earlier minute: one that is new waits for the next.
  await server.store.db
    .updateTable('schedules')
    .set({ created_at: new Date(0) } as never)
    .where('id', '=', id)
    .execute()
  return id
}

/** Waits until the schedule has fired; gives what came of it. */
async function fired(id: string): Promise<string> {
  for (let round = 0; round < 200; round += 1) {
    const row = await server.store.db.selectFrom('schedules').select('outcome').where('id', '=', id).executeTakeFirstOrThrow()
    if (row.outcome !== null) return row.outcome
    await sleep(50)
  }
  throw new Error('the schedule did not fire')
}

test('a schedule starts an execution, once among several servers', async () => {
  const admin = await server.logIn()
  const { ids } = await makeWorld(server, admin)
  const list = async () =>
    (
      await server.request({ method: 'GET', url: `/v1/${admin.projectId}/transfers/${ids.TRANSFER}/executions`, token: admin.token })
    ).json<Listed>().executions
  const before = (await list()).length
  const id = await schedule(admin, ids.TRANSFER)

  await using _first = await server.server.startBackground()
  await using _second = await server.server.startBackground()

  assert.match(await fired(id), /^started execution/)
  assert.equal((await list()).length, before + 1)
  assert.equal((await list())[0]?.status, 'RUNNING')
})

test('a schedule whose maker has lost the project does nothing, and says so', async () => {
  const member = await server.addUser('leaver', 'left', 'member')
  const { ids } = await makeWorld(server, member)
  const id = await schedule(member, ids.TRANSFER)
  const { token } = await server.logIn()
  await server.request({ method: 'DELETE', url: `/identity/v3/projects/${member.projectId}/users/${member.userId}/roles/member`, token })

  await using _ = await server.server.startBackground()

  assert.match(await fired(id), /^skipped: user .* has no role/)
})

test('a busy transfer is left alone', async () => {
  const admin = await server.logIn()
  const { ids } = await makeWorld(server, admin, { isRunning: true })
  const id = await schedule(admin, ids.TRANSFER)

  await using _ = await server.server.startBackground()

  assert.match(await fired(id), /^skipped: .* has running executions/)
})
