import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { InstarError } from '@instar/contract'
import { createServer, type ApiServer } from '../../packages/server/src/create-server.ts'
import { runProgram } from '../../packages/cli/src/program.ts'
import { createTestProgram } from '../../packages/cli/src/test-program.fixture.ts'
import { startService, type Service } from './service.ts'

// The CLI follows runs of a real service over HTTP, whose API goes away and comes back.

const dir = mkdtempSync(join(tmpdir(), 'instar-watch-'))
let service: Service
let api: ApiServer
let port: number

before(async () => {
  service = await startService()
  api = await createServer(service.server.deps)
  await api.app.listen({ host: '127.0.0.1', port: 0 })
  port = (api.app.server.address() as AddressInfo).port
})
after(async () => {
  await api[Symbol.asyncDispose]()
  await service[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true })
})

interface Line {
  readonly at: number
  readonly text: string
}

/** A command as a user gives it; `lines` grows while it runs. */
function start(argv: readonly string[], signal?: AbortSignal) {
  const env = {
    OS_AUTH_URL: `http://127.0.0.1:${port}/identity/v3`,
    OS_USERNAME: 'admin',
    OS_PASSWORD: 'correct horse',
    OS_PROJECT_NAME: 'admin',
  }
  const { context, written } = createTestProgram({ dir, env, now: () => new Date(), ...(signal === undefined ? {} : { signal }) }, argv)
  const lines: Line[] = []
  const write = (text: string) => {
    for (const line of text.split('\n')) if (line !== '') lines.push({ at: Date.now(), text: line })
  }
  const seen = async (wanted: string) => {
    const end = Date.now() + 20_000
    while (!lines.some(({ text }) => text.includes(wanted))) {
      if (Date.now() > end) throw new Error(`never said: ${wanted}; but\n${lines.map(({ text }) => text).join('\n')}`)
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }
  const stdout = {
    ...context.stdout,
    write: (text: string) => {
      write(text)
      context.stdout.write(text)
    },
  }
  const exitCode = runProgram({ ...context, stdout, stderr: { ...context.stderr, write } })
  exitCode.catch(() => undefined)
  return { exitCode, lines, seen, written }
}

const payload = (...acts: readonly string[]) => acts.map(act => `# simulate: ${act}`).join('\n')

/** A copied machine, to be deployed with this script. */
async function copied(script: string): Promise<string> {
  const user_scripts = { instances: { 'vm-00001': [{ payload: script, phase: 'osmorphing_post_os_mount' }] } }
  const { transfer } = await service.makeTransfer({ user_scripts })
  const { execution } = await service.json<{ execution: { id: string } }>('POST', `/transfers/${transfer}/executions`, {
    body: { execution: {} },
  })
  const path = `/transfers/${transfer}/executions/${execution.id}`
  await service.until<{ execution: { status: string } }>(path, answer => answer.execution.status === 'COMPLETED')
  return transfer
}

const textOf = (lines: readonly Line[]) => lines.map(({ text }) => text)

test('a line of a script is on the terminal while the script runs, before its end and once', async t => {
  const words = ['one', 'two', 'three', 'four', 'five']
  const transfer = await copied(payload(...words.flatMap(word => [`print ${word}`, 'wait 400']), 'warn oh'))
  const { exitCode, lines } = start(['deployment', 'create', transfer, '--follow', '-c', 'status'])

  assert.equal(await exitCode, 0)
  const name = 'vm-00001: osmorphing_post_os_mount 1: instance-1'
  const output = textOf(lines)
  assert.ok(output.indexOf('✓ vm-00001: deploy os morphing resources') < output.indexOf(`  > ${name}`), output.join('\n'))
  assert.deepEqual(output.slice(output.indexOf(`  > ${name}`)).slice(0, 8), [
    `  > ${name}`,
    ...words.map(word => `    | ${word}`),
    '    ! oh',
    `  ✓ ${name}: exit 0`,
  ])
  assert.equal(new Set(output).size, output.length, output.join('\n'))
  const { rows } = await service.server.deps.store.db
    .selectFrom('script_runs')
    .select('record')
    .execute()
    .then(rows => ({ rows }))
  const began = Date.parse((rows.at(-1)!.record as { started_at: string }).started_at)
  const lateMs = words.map((word, at) => lines.find(({ text }) => text === `    | ${word}`)!.at - began - 400 * at)
  t.diagnostic(`from a script's line to the terminal: ${lateMs.join(', ')} ms`)
  // Each pause of the script is some ms longer than it says; a poll a second would be far over it.
  assert.ok(Math.min(...lateMs) < 400, `${lateMs.join(', ')} ms`)
})

test('a service that starts again, and connections that are lost, cost no line and repeat none', async () => {
  const words = Array.from({ length: 20 }, (_, at) => `line ${at}`)
  const transfer = await copied(payload(...words.flatMap(word => [`print ${word}`, 'wait 150'])))
  const { exitCode, lines, seen } = start(['deployment', 'create', transfer, '--follow', '-c', 'status'])

  await seen('line 2')
  api.app.server.closeAllConnections()
  await seen('line 6')
  await api[Symbol.asyncDispose]()
  await seen('! the service is away')
  api = await createServer(service.server.deps)
  await api.app.listen({ host: '127.0.0.1', port })

  assert.equal(await exitCode, 0, textOf(lines).join('\n'))
  assert.deepEqual(
    textOf(lines).filter(text => text.startsWith('    |')),
    words.map(word => `    | ${word}`),
  )
  assert.ok(textOf(lines).includes('! the service is back'))
})

test('Ctrl-C ends the watching alone, and says how to go on', async () => {
  const transfer = await copied(payload('print begun', 'wait 1500', 'print done'))
  const stop = new AbortController()
  const { exitCode, seen } = start(['deployment', 'create', transfer, '--follow'], stop.signal)
  await seen('begun')
  stop.abort(new InstarError('internal.cancelled', 'cancelled by SIGINT'))

  const error = await exitCode.then(
    () => assert.fail('it did not end'),
    (thrown: unknown) => thrown as InstarError,
  )

  const [, again = ''] =
    /Watch it again with: instar (deployment show \S+ --follow)\. Stop it with: instar deployment cancel/.exec(error.hint) ?? []
  const second = start(again.split(' '))
  assert.equal(await second.exitCode, 0)
  assert.ok(textOf(second.lines).includes('    | begun') && textOf(second.lines).includes('    | done'), textOf(second.lines).join('\n'))
})

/** A deployment whose machine runs these scripts, one after the other. */
async function deployed(...scripts: readonly string[]): Promise<string> {
  const transfer = await copied(payload('print not run'))
  const all = scripts.map(script => ({ payload: script, phase: 'osmorphing_post_os_mount' }))
  const user_scripts = { instances: { 'vm-00001': all } }
  const body = { deployment: { transfer_id: transfer, user_scripts } }
  return (await service.json<{ deployment: { id: string } }>('POST', '/deployments', { body })).deployment.id
}

test('a followed log shows the scripts that begin later, both streams as they come, over a lost connection, and ends with the deployment', async () => {
  const id = await deployed(payload('print one', 'warn oh', 'wait 1500', 'print two'), payload('warn late', 'wait 600', 'print three'))
  const { exitCode, lines, seen } = start(['script', 'log', id, '--follow'])

  await seen('    ! oh')
  api.app.server.closeAllConnections()
  assert.equal(await exitCode, 0, textOf(lines).join('\n'))

  const [first, second] = ['1: instance-1', '2: instance-2'].map(name => `vm-00001: osmorphing_post_os_mount ${name}`)
  // That the service was away is said where a look fell into it.
  const output = textOf(lines).filter(text => !text.startsWith('! '))
  const expected = [
    [`  > ${first}`, '    ! oh', '    | one', '    | two', `  ✓ ${first}: exit 0`],
    [`  > ${second}`, '    ! late', '    | three', `  ✓ ${second}: exit 0`],
  ].map(part => part.toSorted())
  assert.deepEqual([output.slice(0, 5).toSorted(), output.slice(5).toSorted()], expected, output.join('\n'))
  const at = (wanted: string) => lines.find(({ text }) => text === wanted)!.at
  assert.ok(at('    | two') - at('    ! oh') > 1_000, 'what a script warned of was told while it ran')
})

test('one stream of a followed log is what the scripts printed to it; one script and one run can be followed alone', async () => {
  const id = await deployed(payload('print one', 'warn oh', 'wait 800', 'print two'), payload('print three'))
  const stdout = start(['script', 'log', id, '--follow', '--stream', 'stdout'])
  const stderr = start(['script', 'log', id, '--follow', '--stream', 'stderr'])
  const second = start(['script', 'log', id, 'instance-2', '--follow', '--stream', 'stdout'])
  const unknown = start(['script', 'log', id, 'instance-9', '--follow'])

  assert.equal(await stdout.exitCode, 0)
  assert.equal(stdout.written.stdout, 'one\ntwo\nthree\n')
  assert.equal(await stderr.exitCode, 0)
  assert.equal(stderr.written.stdout, 'oh\n')
  assert.equal(await second.exitCode, 0)
  assert.equal(second.written.stdout, 'three\n')
  await assert.rejects(unknown.exitCode, { code: 'run.unknown', hint: 'Its scripts are: instance-1, instance-2.' })
  const { script_runs } = await service.server
    .request({ method: 'GET', url: `/instar/v1/${service.admin.projectId}/deployments/${id}/script-runs`, token: service.admin.token })
    .then(answer => answer.json<{ script_runs: { id: string; execution_id: string }[] }>())
  const run = start(['script', 'log', script_runs[0]!.id, '--follow', '--stream', 'stdout'])
  assert.equal(await run.exitCode, 0)
  assert.equal(run.written.stdout, 'one\ntwo\n')
  const execution = start(['script', 'log', script_runs[0]!.execution_id, '--follow', '--stream', 'stdout'])
  assert.equal(await execution.exitCode, 0)
  assert.equal(execution.written.stdout, 'one\ntwo\nthree\n')
})

test('a pool is waited for by its events: they are told as they come, and once', async t => {
  const { origin } = await service.makeTransfer()
  const minion_pool = {
    name: 'warm',
    endpoint_id: origin,
    platform: 'source',
    os_type: 'linux',
    environment_options: {},
    minimum_minions: 2,
    maximum_minions: 2,
    skip_allocation: true,
  }
  const made = await service.json<{ minion_pool: { id: string } }>('POST', '/minion_pools', { body: { minion_pool } })
  const path = `/minion_pools/${made.minion_pool.id}`
  let streams = 0
  api.app.server.on('request', ({ url }: { url: string }) => {
    if (url.endsWith(`${path}/events`)) streams += 1
  })

  for (const [verb, status] of [
    ['allocate', 'ALLOCATED'],
    ['deallocate', 'DEALLOCATED'],
  ] as const) {
    streams = 0
    const { exitCode, lines, written } = start(['minion', 'pool', verb, 'warm', '--wait', '-c', 'Pool Status'])
    assert.equal(await exitCode, 0)
    assert.equal(streams, 1)
    assert.equal(written.stdout, `Pool Status  ${status}\n`)
    const told = lines.filter(({ text }) => text.endsWith(` to ${status}`))
    assert.equal(told.length, 1, textOf(lines).join('\n'))
    const { db } = service.server.deps.store
    const last = await db.selectFrom('pool_events').select('created_at').orderBy('created_at', 'desc').executeTakeFirstOrThrow()
    const lateMs = told[0]!.at - last.created_at.getTime()
    t.diagnostic(`from the end of ${verb} to the terminal: ${lateMs} ms`)
    // A poll a second would be over it more often than not.
    assert.ok(lateMs < 400, `${lateMs} ms`)
  }
})

test('the events of a pool come as server-sent events, after the number that a reader has', async () => {
  const { origin } = await service.makeTransfer()
  const minion_pool = { name: 'told', endpoint_id: origin, platform: 'source', os_type: 'linux', environment_options: {} }
  const { minion_pool: made } = await service.json<{ minion_pool: { id: string } }>('POST', '/minion_pools', { body: { minion_pool } })
  await service.until<{ minion_pool: { status: string } }>(`/minion_pools/${made.id}`, answer => answer.minion_pool.status === 'ALLOCATED')
  const read = async (after: number) => {
    const url = `/instar/v1/${service.admin.projectId}/minion_pools/${made.id}/events?follow=false`
    const headers = { 'last-event-id': String(after) }
    const answer = await service.server.request({ method: 'GET', url, token: service.admin.token, headers })
    const data = answer.body.split('\n').filter(line => line.startsWith('data: '))
    return data.map(line => JSON.parse(line.slice(6)) as { seq: number; message: string; pool_id: string; execution_id: null })
  }

  const all = await read(0)
  assert.ok(all.every(event => event.pool_id === made.id && event.execution_id === null))
  assert.equal(all.at(-1)?.message.endsWith('to ALLOCATED'), true, JSON.stringify(all))
  assert.deepEqual(await read(all[0]!.seq), all.slice(1))
})
