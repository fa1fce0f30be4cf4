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
  const exitCode = runProgram({ ...context, stderr: { ...context.stderr, write } })
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
