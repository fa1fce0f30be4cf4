import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MachinePhase } from '@instar/contract'
import type { ScriptSpec } from '@instar/contract/scripts'
import { FakeMachine } from '@instar/machine/fake'
import { MorphSession } from './session.ts'

const FAILED_LOG = '/run/instar/r1/failed.log'

const script = (name: string, phase: MachinePhase): ScriptSpec => ({
  name,
  phase,
  source: 'dir',
  payload: 'true\n',
  timeoutS: 60,
  retries: 0,
  onFailure: 'abort',
  env: {},
})

function setting() {
  const told: Record<string, string>[] = []
  const machine = new FakeMachine({
    rules: [
      [argv => argv[1]?.endsWith('-fail') === true, { exitCode: 3, stdout: 'the key is hunter22\n', stderr: 'no licence\n' }],
      [argv => argv[1]?.endsWith('-tell') === true, (_argv, options) => (told.push({ ...options.env }), {})],
    ],
  })
  const request = {
    runId: 'r1',
    instance: 'vm',
    scripts: [script('fail', 'osmorphing_post_os_mount'), script('tell', 'osmorphing_on_error')],
    secrets: [{ name: 'k', value: Buffer.from('hunter22') }],
    keys: [],
    target: { bus: 'virtio' },
    network: { policy: 'keep', nics: [] },
    packages: { install: [], remove: [] },
    skipOsMorphing: false,
  } as const
  const recorder = { open: async () => ({ place: 'a file of the host', write: async () => undefined, close: async () => undefined }) }
  const session = new MorphSession(request, { machine, recorder, emit: () => undefined, signal: new AbortController().signal })
  return { session, machine, told }
}

test('on-error scripts find what the failed script printed in a file of the minion, without secrets', async () => {
  const { session, machine, told } = setting()

  await assert.rejects(
    session.tellingOfFailure(() => session.runPhase('osmorphing_post_os_mount')),
    { code: 'script.failed' },
  )

  assert.deepEqual([told[0]?.['INSTAR_FAILED_SCRIPT'], told[0]?.['INSTAR_FAILED_LOG']], ['fail', FAILED_LOG])
  assert.equal(machine.files.get(FAILED_LOG)?.toString(), 'the key is ***\nno licence\n')
  assert.equal(machine.modes.get(FAILED_LOG), 0o600)
})

test('on-error scripts are told of no file where a step failed', async () => {
  const { session, machine, told } = setting()

  await assert.rejects(
    session.tellingOfFailure(() => Promise.reject(new Error('no root'))),
    /no root/,
  )

  assert.deepEqual([told[0]?.['INSTAR_FAILED_MESSAGE'], told[0]?.['INSTAR_FAILED_LOG']], ['no root', ''])
  assert.equal(machine.files.has(FAILED_LOG), false)
})
