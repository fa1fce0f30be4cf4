import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { InstarError } from '@instar/contract'
import type { Task } from '@instar/contract/api'
import { PASSWORD, startFakeService, type Answer, type Seen } from '../service/fake-service.fixture.ts'
import { createTestProgram } from '../test-program.fixture.ts'
import { createLiveTaskView, createPlainTaskView } from './task-view.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-watch-'))
after(() => rmSync(dir, { recursive: true }))

const TRANSFER = '00000000-0000-4000-8000-00000000000a'
const EXECUTION = '00000000-0000-4000-8000-00000000000b'
const times = { created_at: '2026-01-02T03:04:05.000000', updated_at: null, deleted_at: null, deleted: '0' }
const task = (status: Task['status'], more: Partial<Task> = {}): Task => ({
  id: 't1',
  execution_id: EXECUTION,
  instance: 'web',
  task_type: 'REPLICATE_DISKS',
  status,
  host: null,
  process_id: null,
  index: 2,
  on_error: false,
  depends_on: null,
  exception_details: null,
  progress_updates: [],
  events: [],
  ...times,
  ...more,
})
const progress = (current_step: number, total_steps = 100) => ({
  progress_updates: [{ id: 'p', task_id: 't1', index: 0, current_step, total_steps, message: 'disk vda', ...times }],
})
const execution = (status: string, tasks: readonly Task[]) => ({
  execution: { id: EXECUTION, action_id: TRANSFER, type: 'transfer_execution', number: 3, status, tasks, ...times },
})
const run = (more: object) => ({
  version: 1,
  id: 's1',
  run_id: 'r',
  instance: 'web',
  execution_id: EXECUTION,
  task_id: 't1',
  phase: 'osmorphing_post_os_mount',
  source: 'global',
  name: 'hello',
  order: 1,
  attempt: 1,
  started_at: '2026-01-02T03:04:05Z',
  ended_at: null,
  exit_code: null,
  signal: null,
  timed_out: false,
  interrupted: false,
  stdout_bytes: 0,
  stderr_bytes: 0,
  payload_sha256: '',
  ...more,
})

interface Moment {
  readonly execution: object
  readonly runs?: readonly object[]
  readonly output?: string
}

/** A service whose answers go on with each look at the execution. */
async function watched(
  moments: readonly Moment[],
  argv: readonly string[],
  more: { signal?: AbortSignal; onLook?: (at: number) => Answer | undefined } = {},
) {
  let at = -1
  await using service = await startFakeService(({ method, path, query, headers }: Seen): Answer | undefined => {
    const now = moments[Math.min(Math.max(at, 0), moments.length - 1)]!
    if (method === 'POST') return { status: 200, body: moments[0]!.execution }
    if (path.endsWith('/script-runs')) return { status: 200, body: { script_runs: now.runs ?? [] } }
    if (path.endsWith('/script-runs/s1')) return { status: 200, body: { script_run: now.runs?.[0] } }
    if (path.endsWith('/output')) {
      const from = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0)
      const rest = query.get('stream') === 'stdout' ? (now.output ?? '').slice(from) : ''
      return rest === '' ? { status: 416, body: {} } : { status: 206, body: rest }
    }
    if (!path.endsWith(EXECUTION)) return undefined
    at += 1
    return more.onLook?.(at) ?? { status: 200, body: moments[Math.min(at, moments.length - 1)]!.execution }
  })
  const env = { OS_AUTH_URL: `${service.url}/identity`, OS_USERNAME: 'admin', OS_PASSWORD: PASSWORD, OS_PROJECT_NAME: 'admin' }
  const program = createTestProgram({ dir, env, ...(more.signal === undefined ? {} : { signal: more.signal }) }, argv)
  return { exitCode: await program.runAndReport(), ...program.written }
}

test('--follow of a service without events shows progress, output and what is said once each, and prints the end', async () => {
  const event = { id: 'e', task_id: 't1', index: 0, level: 'INFO' as const, message: 'all is well', ...times }
  const { exitCode, stdout, stderr } = await watched(
    [
      { execution: execution('RUNNING', [task('RUNNING', progress(40))]), runs: [run({})], output: 'one\ntw' },
      { execution: execution('RUNNING', [task('RUNNING', { ...progress(80), events: [event] })]), runs: [run({})], output: 'one\ntwo\n' },
      {
        execution: execution('COMPLETED', [task('COMPLETED', { events: [event] })]),
        runs: [run({ ended_at: '2026-01-02T03:04:09Z', exit_code: 0, stdout_bytes: 8 })],
        output: 'one\ntwo\n',
      },
    ],
    ['transfer', 'execute', TRANSFER, '--follow', '-c', 'status'],
  )
  assert.equal(exitCode, 0, stderr)
  assert.equal(stdout, 'status  COMPLETED\n')
  const lines = stderr.replaceAll(/ \(\d+\.\d s\)/g, '').split('\n')
  for (const line of [
    '  web: replicate disks: disk vda 40 %',
    '  web: all is well',
    '  > web: osmorphing_post_os_mount 1: hello',
    '    | one',
    '    | two',
    '  ✓ web: osmorphing_post_os_mount 1: hello: exit 0',
    '✓ web: replicate disks',
  ]) {
    assert.equal(lines.filter(one => one === line).length, 1, `${line} in\n${stderr}`)
  }
})

test('--wait ends with 1 and the reason of the task, and with 4 and where to read on when a script failed', async () => {
  const failed = execution('ERROR', [task('ERROR', { exception_details: 'no space left on store' })])
  const plain = await watched([{ execution: failed }], ['transfer', 'execution', 'show', TRANSFER, EXECUTION, '--wait'])
  assert.equal(plain.exitCode, 1)
  assert.match(
    plain.stderr,
    /error: execution 3 of transfer .* failed {2}\[execution\.failed\]\nbecause: REPLICATE_DISKS of web: no space left on store/,
  )
  const byScript = await watched(
    [
      {
        execution: execution('ERROR', [
          task('ERROR', { exception_details: 'script hello failed with exit code 7 [script.failed] Mend it.' }),
        ]),
      },
    ],
    ['transfer', 'execution', 'show', TRANSFER, EXECUTION, '--wait'],
  )
  assert.equal(byScript.exitCode, 4)
  assert.match(
    byScript.stderr,
    /\[script\.failed\]\nbecause: REPLICATE_DISKS of web: script hello failed with exit code 7\nhint: Mend it\.\nsee: instar script log 00000000-0000-4000-8000-00000000000b/,
  )
})

test('what never ran because an earlier task failed is not told of, and what runs only then is told when it has', async () => {
  const failed = task('ERROR', { exception_details: 'no such image' })
  const cleanUp = (status: Task['status']) => task(status, { id: 't2', task_type: 'CLEANUP_SOURCE' })
  const after = ['t3', 't4'].map(id => task('UNSCHEDULED', { id }))
  const { exitCode, stderr } = await watched(
    [
      { execution: execution('RUNNING', [failed, cleanUp('EXECUTE_ON_ERROR_ONLY'), ...after]) },
      { execution: execution('ERROR', [failed, cleanUp('COMPLETED'), ...after]) },
    ],
    ['transfer', 'execution', 'show', TRANSFER, EXECUTION, '--follow'],
  )
  assert.equal(exitCode, 1)
  assert.match(stderr, /^✗ web: replicate disks error\n✓ web: cleanup source\nerror: /)
})

test('a service that is away for a while is waited for', async () => {
  const { exitCode, stderr } = await watched(
    [{ execution: execution('RUNNING', []) }, { execution: execution('RUNNING', []) }, { execution: execution('COMPLETED', []) }],
    ['transfer', 'execution', 'show', TRANSFER, EXECUTION, '--wait'],
    { onLook: at => (at === 1 ? { status: 503, body: 'away' } : undefined) },
  )
  assert.equal(exitCode, 0, stderr)
})

test('a signal ends the watching, says that the work goes on and how to stop it', async () => {
  const cancel = new AbortController()
  const { stderr } = await watched([{ execution: execution('RUNNING', [task('RUNNING')]) }], ['transfer', 'execute', TRANSFER, '--wait'], {
    signal: cancel.signal,
    onLook: at => {
      if (at === 1) cancel.abort(new InstarError('internal.cancelled', 'cancelled by SIGINT'))
      return undefined
    },
  })
  assert.match(stderr, /error: watching execution 3 .* ended \(cancelled by SIGINT\); it goes on {2}\[internal\.cancelled\]/)
  assert.match(
    stderr,
    /hint: Watch it again with: instar transfer execution show \S+ \S+ --follow\. Stop it with: instar transfer execution cancel/,
  )
})

test('a terminal gets a bar for each task at work, below the lines of those that ended, and is left clean', () => {
  const written: string[] = []
  const output = { write: (text: string) => void written.push(text), writeBytes: async () => undefined, isTerminal: true, columns: 60 }
  let now = 0
  const view = createLiveTaskView(output, { all: false, now: () => now })
  const many = Array.from({ length: 10 }, (_, index) => task('RUNNING', { id: `t${index}`, instance: `vm${index}`, ...progress(50) }))
  view.look(many)
  now = 12_000
  view.look([task('COMPLETED', { id: 't0', instance: 'vm0' }), ...many.slice(1)])
  view.close()
  const text = written.join('').replaceAll('\u001B[K', '')
  assert.match(text, /» vm7: replicate disks \[█{10} {10}\] 50 % disk vd…\n/)
  assert.match(text, /and 2 more\n/)
  assert.match(text, /✓ vm0: replicate disks \(12 s\)/)
  assert.ok(text.endsWith('\r\u001B[9A\u001B[J'))
})

test('a log is told of progress now and then, not at each look', () => {
  const written: string[] = []
  const output = { write: (text: string) => void written.push(text), writeBytes: async () => undefined, isTerminal: false, columns: 80 }
  let now = 0
  const view = createPlainTaskView(output, { all: false, now: () => now })
  for (let percent = 0; percent < 60; percent += 1) {
    view.look([task('RUNNING', progress(percent))])
    now += 1000
  }
  const told = written
    .join('')
    .split('\n')
    .filter(Boolean)
    .map(line => line.replace(/.*vda /, ''))
  assert.deepEqual(told, ['0 %', '10 %', '20 %', '30 %', '40 %', '50 %'])
})
