import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventBody, MachinePhase, ScriptRun } from '@instar/contract'
import type { ScriptSpec } from '@instar/contract/scripts'
import { FakeMachine, type FakeAnswer } from '@instar/machine/fake'
import type { PhaseFacts } from './environment.ts'
import { createRedactor } from './redact.ts'
import { runPhase } from './run-phase.ts'

const facts: PhaseFacts = {
  runId: 'r1',
  root: '/mnt/x',
  disks: ['/dev/a', '/dev/b'],
  osType: 'linux',
  distro: 'debian 12',
  secretsDir: '/run/s',
}
const script = (name: string, more: Partial<ScriptSpec> = {}): ScriptSpec => ({
  name,
  phase: 'osmorphing_post_os_mount',
  source: 'dir',
  payload: 'true\n',
  timeoutS: 60,
  retries: 0,
  onFailure: 'abort',
  env: {},
  ...more,
})

function setting(answer: (argv: readonly string[]) => FakeAnswer) {
  const events: EventBody[] = []
  const saved: ScriptRun[] = []
  const output: string[] = []
  const environments: Record<string, string>[] = []
  const machine = new FakeMachine({
    rules: [
      [['test'], { exitCode: 1 }],
      [
        () => true,
        (argv, options) => {
          environments.push({ ...options.env })
          return answer(argv)
        },
      ],
    ],
  })
  const world = {
    machine,
    emit: (event: EventBody) => events.push(event),
    signal: new AbortController().signal,
    newId: () => `id${saved.length}`,
    redactor: createRedactor([{ name: 'k', value: Buffer.from('hunter22') }]),
    recorder: {
      open: async (run: ScriptRun) => {
        saved.push(run)
        return {
          place: `/log/${run.id}`,
          write: async (stream: string, piece: Buffer) => void output.push(`${stream}:${piece.toString()}`),
          close: async (run: ScriptRun) => void saved.push(run),
        }
      },
    },
  }
  return { world, events, saved, output, environments, machine }
}

interface InstarErrorFields {
  readonly hint: string
  readonly details: Readonly<Record<string, unknown>>
}

const run = (at: ReturnType<typeof setting>, scripts: ScriptSpec[], more: { phase?: MachinePhase; firstOrder?: number } = {}) =>
  runPhase(at.world, { phase: 'osmorphing_post_os_mount', scripts, ...more }, facts)

test('scripts run in order with the root as $1, the environment of the contract, and a record before and after', async () => {
  const at = setting(() => ({ stdout: 'hello', stderr: 'careful' }))

  const runs = await run(at, [script('a', { env: { MODE: 'x' } }), script('b', { payload: '#!/bin/bash\n' })])

  assert.deepEqual(at.machine.commands, [
    ['/bin/sh', '/run/instar/r1/scripts/osmorphing_post_os_mount-1-a', '/mnt/x'],
    ['/run/instar/r1/scripts/osmorphing_post_os_mount-2-b', '/mnt/x'],
  ])
  assert.deepEqual(
    runs.map(({ name, order, attempt, exit_code }) => [name, order, attempt, exit_code]),
    [
      ['a', 1, 1, 0],
      ['b', 2, 1, 0],
    ],
  )
  assert.deepEqual(
    at.saved.map(({ exit_code }) => exit_code),
    [null, 0, null, 0],
  )
  assert.equal(at.environments[0]?.['MODE'], 'x')
  assert.equal(at.environments[0]?.['INSTAR_DISKS'], '/dev/a\n/dev/b')
  assert.equal(at.environments[0]?.['INSTAR_SCRIPT'], 'a')
  assert.deepEqual(at.output.slice(0, 2), ['stdout:hello', 'stderr:careful'])
})

test('the first script that fails ends the phase and the error names script, code and log', async () => {
  const at = setting(argv => ({ exitCode: argv[1]?.endsWith('-a') === true ? 3 : 0, stderr: 'no hunter22 here' }))

  await assert.rejects(run(at, [script('a'), script('b')]), (error: Error & { code?: string; details?: Record<string, unknown> }) => {
    assert.equal(error.code, 'script.failed')
    assert.match(error.message, /osmorphing_post_os_mount script a failed with exit code 3/)
    assert.equal(error.details?.['log'], '/log/id0')
    assert.equal(error.details?.['stderr_tail'], 'no *** here')
    return true
  })
  assert.equal(at.machine.commands.length, 1)
})

test('retries are counted, and a script that may fail does not end the phase', async () => {
  let calls = 0
  const at = setting(() => ({ exitCode: (calls += 1) < 3 ? 1 : 0 }))

  const runs = await run(at, [script('a', { retries: 1, onFailure: 'continue' }), script('b')])

  assert.deepEqual(
    runs.map(({ name, attempt, exit_code }) => [name, attempt, exit_code]),
    [
      ['a', 1, 1],
      ['a', 2, 1],
      ['b', 1, 0],
    ],
  )
  assert.deepEqual(
    at.events.filter(({ kind }) => kind === 'script').map(({ state }) => state),
    ['started', 'retrying', 'started', 'failed', 'started', 'succeeded'],
  )
})

test('a time limit has an error of its own', async () => {
  const late = setting(() => ({ signal: 'SIGTERM', timedOut: true }))

  await assert.rejects(run(late, [script('a')]), { code: 'script.timed-out', message: /time limit of 60 s/ })
})

test('a script whose interpreter the minion does not have is told so in error, event and output, and not as a missing file', async () => {
  const at = setting(() => ({ exitCode: 127, stderr: 'instar: /run/instar/a: No such file or directory\n' }))

  await assert.rejects(run(at, [script('a', { payload: '#! /no/such -x\n' })]), (error: Error & InstarErrorFields) => {
    assert.match(error.message, /script a could not start: the minion has no \/no\/such, which its first line names/)
    assert.match(error.hint, /chroot "\$1" \/no\/such/)
    assert.equal(error.details['stderr_tail'], undefined)
    return true
  })
  assert.match(at.events.at(-1)?.message ?? '', /a could not start: the minion has no \/no\/such/)
  assert.equal(at.output.at(-1), 'stderr:instar: the minion has no /no/such\n')
})

test('what env(1) does not find is told too, and before the mount nobody is sent into the guest', async () => {
  const at = setting(argv => (argv.includes('command -v "$1"') ? { exitCode: 1 } : { exitCode: 127 }))
  at.machine.on(['test', '-x', '/usr/bin/env'], {})
  const early = script('a', { payload: '#!/usr/bin/env -S ruby -w\n', phase: 'osmorphing_pre_os_mount' })

  await assert.rejects(run(at, [early], { phase: 'osmorphing_pre_os_mount' }), {
    message: /the minion has no ruby/,
    hint: 'Write the script for /bin/sh or /bin/bash.',
  })
})

test('an exit code of 127 of a script that did start is its own', async () => {
  const at = setting(() => ({ exitCode: 127 }))
  at.machine.on(['test', '-x', '/bin/sh'], {})

  await assert.rejects(run(at, [script('a')]), { message: /failed with exit code 127/ })
})

test('a run that goes on skips what is done and says so', async () => {
  const at = setting(() => ({}))

  await run(at, [script('a'), script('b')], { firstOrder: 2 })

  assert.deepEqual(
    at.machine.commands.map(argv => argv[1]),
    ['/run/instar/r1/scripts/osmorphing_post_os_mount-2-b'],
  )
  assert.equal(at.events[0]?.state, 'skipped')
})

test('no event and no log holds a secret that a script prints', async () => {
  const at = setting(() => ({ stdout: 'the key is hunter22\n', survivors: [{ pid: 7, command: 'serve --key hunter22' }] }))

  await run(at, [script('a')])

  assert.doesNotMatch(JSON.stringify(at.events) + JSON.stringify(at.saved) + at.output.join(''), /hunter22/)
  assert.deepEqual(at.saved.at(-1)?.left_running, ['7 serve --key ***'])
  assert.equal(at.output.join(''), 'stdout:the key is ***\n')
})

test('a script that is interrupted has its end told and recorded', async () => {
  const at = setting(() => {
    throw new Error('the machine is gone')
  })

  await assert.rejects(run(at, [script('a'), script('b')]), /the machine is gone/)

  assert.deepEqual(
    at.events.map(({ kind, state, message }) => [kind, state, message]),
    [
      ['script', 'started', 'osmorphing_post_os_mount 1: a'],
      ['script', 'failed', 'osmorphing_post_os_mount 1: a was interrupted'],
    ],
  )
  assert.deepEqual(
    at.saved.map(({ interrupted, ended_at }) => [interrupted, ended_at !== null]),
    [
      [false, false],
      [true, true],
    ],
  )
})
