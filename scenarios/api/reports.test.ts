import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Session, TestServer } from '@instar/server/testing'
import { makeWorld, startCannedService, type World } from './world.ts'

// Script runs, their output, plans, events, and what operators read: over a real socket where something streams.

let server: TestServer
let admin: Session
let world: World
let port: number
before(async () => {
  server = await startCannedService()
  admin = await server.logIn()
  world = await makeWorld(server, admin)
  await server.server.app.listen({ host: '127.0.0.1', port: 0 })
  port = (server.server.app.server.address() as AddressInfo).port
})
after(() => server[Symbol.asyncDispose]())

const path = (rest: string) => `/instar/v1/${admin.projectId}${rest}`
const ask = (rest: string, headers: Record<string, string> = {}) =>
  server.request({ method: 'GET', url: path(rest), token: admin.token, headers })

/** Over the network, for what does not end by itself. */
async function open(rest: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const request = get({ host: '127.0.0.1', port, path: path(rest), headers: { 'x-auth-token': admin.token, ...headers } })
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  return answer.setEncoding('utf8')
}

/** Reads until the text is there. */
async function readUntil(answer: IncomingMessage, wanted: string): Promise<string> {
  let text = ''
  for await (const piece of answer) {
    text += piece
    if (text.includes(wanted)) break
  }
  return text
}

async function addRun(output: string, hasEnded: boolean, executionId = world.ids.EXECUTION): Promise<string> {
  const task = hasEnded ? undefined : await taskAtWork()
  const id = randomUUID()
  const time = new Date().toISOString()
  const record = {
    version: 1,
    id,
    run_id: executionId,
    phase: 'osmorphing_post_os_mount',
    source: 'instance',
    name: 'say',
    order: 1,
    attempt: 1,
    started_at: time,
    ended_at: hasEnded ? time : null,
    exit_code: hasEnded ? 0 : null,
    signal: null,
    timed_out: false,
    interrupted: false,
    stdout_bytes: output.length,
    stderr_bytes: 0,
    payload_sha256: 'x',
  }
  const row = {
    id,
    execution_id: executionId,
    project_id: admin.projectId,
    instance: 'vm1',
    record: JSON.stringify(record),
    ...task,
  }
  await server.store.db
    .insertInto('script_runs')
    .values({ ...row, stdout_bytes: output.length, ended_at: hasEnded ? new Date() : null })
    .execute()
  if (output !== '') await addOutput(id, 0, output)
  return id
}

/** A script runs only as long as the task that started it. */
async function taskAtWork(): Promise<{ task_id: string; task_attempt: number }> {
  const { db } = server.store
  const { id } = await db
    .selectFrom('tasks')
    .select('id')
    .where('execution_id', '=', world.ids.EXECUTION)
    .limit(1)
    .executeTakeFirstOrThrow()
  await db.updateTable('tasks').set({ state: 'running', attempt: 1 }).where('id', '=', id).execute()
  return { task_id: id, task_attempt: 1 }
}

async function addOutput(id: string, start_byte: number, text: string): Promise<void> {
  await server.store.db
    .insertInto('script_output')
    .values({ script_run_id: id, stream: 'stdout', start_byte, data: Buffer.from(text) })
    .execute()
}

describe('script runs', () => {
  test('of an execution are listed and shown', async () => {
    const id = await addRun('hello\n', true)

    const listed = await ask(`/executions/${world.ids.EXECUTION}/script-runs`)
    const shown = await ask(`/script-runs/${id}`)

    assert.ok(listed.json<{ script_runs: { id: string }[] }>().script_runs.some(run => run.id === id))
    const { script_run } = shown.json<{ script_run: Record<string, unknown> }>()
    assert.deepEqual(
      { name: script_run['name'], instance: script_run['instance'], exit_code: script_run['exit_code'] },
      { name: 'say', instance: 'vm1', exit_code: 0 },
    )
  })

  test('give their output whole, in part, and refuse a range outside', async () => {
    const id = await addRun('0123456789', true)
    const url = `/script-runs/${id}/output`

    const whole = await ask(url)
    assert.equal(whole.body, '0123456789')
    assert.equal(whole.headers['content-length'], '10')
    const part = await ask(url, { range: 'bytes=2-4' })
    assert.equal(part.statusCode, 206)
    assert.equal(part.body, '234')
    assert.equal(part.headers['content-range'], 'bytes 2-4/10')
    assert.equal((await ask(url, { range: 'bytes=-3' })).body, '789')
    assert.equal((await ask(url, { range: 'bytes=10-' })).statusCode, 416)
    assert.equal((await ask(`${url}?stream=stderr`)).body, '')
    assert.equal((await ask(`${url}?stream=other`)).statusCode, 400)
  })

  test('can be followed while they run', async () => {
    const id = await addRun('first\n', false)
    const answer = await open(`/script-runs/${id}/output?follow=true`)
    const reading = readUntil(answer, 'second')

    await addOutput(id, 6, 'second\n')
    await server.store.db.updateTable('script_runs').set({ stdout_bytes: 13, ended_at: new Date() }).where('id', '=', id).execute()
    await server.store.db.transaction().execute(trx => server.store.notify(trx, 'instar_output', id))

    assert.equal(await reading, 'first\nsecond\n')
  })

  test('can be followed from the end of what is there', async () => {
    const id = await addRun('first\n', false)
    const answer = await open(`/script-runs/${id}/output?follow=true`, { range: 'bytes=6-' })
    const reading = readUntil(answer, 'second')

    await addOutput(id, 6, 'second\n')
    await server.store.db.updateTable('script_runs').set({ stdout_bytes: 13, ended_at: new Date() }).where('id', '=', id).execute()
    await server.store.db.transaction().execute(trx => server.store.notify(trx, 'instar_output', id))

    assert.equal(await reading, 'second\n')
  })

  test('that are not there are not found', async () => {
    assert.equal((await ask(`/script-runs/${randomUUID()}`)).statusCode, 404)
    assert.equal((await ask('/script-runs/nonsense/output')).statusCode, 404)
  })
})

describe('events', () => {
  const add = async (message: string, executionId: string | null = null) => {
    const body = { version: 1, at: new Date().toISOString(), run_id: 'r', kind: 'step', message }
    await server.store.db
      .insertInto('events')
      .values({ project_id: admin.projectId, execution_id: executionId, body: JSON.stringify(body) })
      .execute()
  }

  test('are sent as they happen, and go on after the last one that was seen', async () => {
    await add('one')
    const first = await open('/events')
    const text = await readUntil(first, '"one"')
    const id = [...text.matchAll(/^id: (\d+)$/gm)].at(-1)![1]!
    first.destroy()

    const second = await open('/events', { 'last-event-id': id })
    const reading = readUntil(second, '"two"')
    await add('two')

    const more = await reading
    second.destroy()
    assert.doesNotMatch(more, /"one"/)
    assert.equal(second.headers['content-type'], 'text/event-stream')
  })

  test('of an execution end with it', async () => {
    await add('of the execution', world.ids.EXECUTION)
    const answer = await open(`/executions/${world.ids.EXECUTION}/events`)

    assert.match(await readUntil(answer, 'never sent'), /of the execution/)
  })

  test('a number that is none is refused', async () => {
    assert.equal((await ask('/events?follow=false', { 'last-event-id': 'x' })).statusCode, 400)
  })
})

describe('plans', () => {
  test('show what runs, in order, and what does not, with the reason', async () => {
    const user_scripts = {
      global: { linux: 'global', windows: 'other' },
      instances: { vm1: [{ payload: 'own', phase: 'replica_first_boot' }] },
    }
    const body = {
      transfer: { origin_endpoint_id: world.ids.EP1, destination_endpoint_id: world.ids.EP2, instances: ['vm1', 'vm2'], user_scripts },
    }
    const made = await server.request({ method: 'POST', url: `/v1/${admin.projectId}/transfers`, token: admin.token, payload: body })
    const { id } = made.json<{ transfer: { id: string } }>().transfer
    await server.store.transact(async trx => {
      for (const instance of ['vm1', 'vm2'])
        await server.deps.engine.info.patch(trx, { actionId: id, instance }, { export_info: { os_type: 'linux' } })
    }, AbortSignal.timeout(5_000))

    const { plan } = (await ask(`/transfers/${id}/plan`)).json<{
      plan: { instances: { instance: string; run: { phase: string; source: string }[]; not_run: { reason: string }[] }[] }
    }>()

    const [first, second] = plan.instances
    assert.deepEqual(
      first?.run.map(({ phase, source }) => [phase, source]),
      [['replica_first_boot', 'instance']],
    )
    assert.ok(first.not_run.some(({ reason }) => /shadowed/.test(reason)))
    assert.deepEqual(
      second?.run.map(({ phase, source }) => [phase, source]),
      [['osmorphing_post_os_mount', 'global']],
    )
    assert.ok(second.not_run.some(({ reason }) => /is for windows/.test(reason)))
  })
})

describe('for operators', () => {
  const open = (url: string) => server.request({ method: 'GET', url })

  test('health, readiness, metrics and the document need no token', async () => {
    assert.deepEqual((await open('/healthz')).json(), { status: 'ok' })
    assert.deepEqual((await open('/readyz')).json(), { status: 'ready' })
    const metrics = await open('/metrics')
    assert.match(metrics.body, /instar_http_request_seconds_count\{method="GET",route="\/readyz",status="200"\} 1/)
    assert.match(metrics.body, /instar_executions\{status="COMPLETED"\}/)
    assert.equal((await open('/openapi.json')).json<{ openapi: string }>().openapi, '3.1.0')
  })
})

describe('what is deleted takes the output of its scripts with it:', () => {
  const rows = [
    ['an execution', 'EXECUTION', (ids: World['ids']) => `/transfers/${ids.TRANSFER}/executions/${ids.EXECUTION}`],
    ['a transfer', 'EXECUTION', (ids: World['ids']) => `/transfers/${ids.TRANSFER}`],
    ['a deployment', 'DEPLOYMENT', (ids: World['ids']) => `/deployments/${ids.DEPLOYMENT}`],
  ] as const
  for (const [name, ran, urlOf] of rows) {
    test(name, async () => {
      const { ids } = await makeWorld(server, admin)
      const executionId = ran === 'EXECUTION' ? ids.EXECUTION : await executionOf(ids.DEPLOYMENT)
      const id = await addRun('a word', true, executionId)
      assert.equal((await ask(`/script-runs/${id}/output`)).body, 'a word')
      const remove = () => server.request({ method: 'DELETE', url: `/v1/${admin.projectId}${urlOf(ids)}`, token: admin.token })

      const deleted = await remove()
      const again = await remove()

      assert.deepEqual([deleted.statusCode, again.statusCode], [204, 404])
      for (const path of [`/script-runs/${id}`, `/script-runs/${id}/output`, `/executions/${executionId}/script-runs`])
        assert.equal((await ask(path)).statusCode, 404, path)
      const { db } = server.store
      assert.deepEqual(await db.selectFrom('script_output').where('script_run_id', '=', id).selectAll().execute(), [])
      assert.deepEqual(await db.selectFrom('events').where('execution_id', '=', executionId).selectAll().execute(), [])
    })
  }

  test('while that is still being removed, it is not shown', async () => {
    const { ids } = await makeWorld(server, admin)
    const id = await addRun('a word', true, ids.EXECUTION)

    await server.store.db.updateTable('executions').set({ deleted_at: new Date() }).where('id', '=', ids.EXECUTION).execute()

    assert.equal((await ask(`/script-runs/${id}/output`)).statusCode, 404)
  })

  async function executionOf(actionId: string): Promise<string> {
    return (await server.store.db.selectFrom('executions').select('id').where('action_id', '=', actionId).executeTakeFirstOrThrow()).id
  }
})
