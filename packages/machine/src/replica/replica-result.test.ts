import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReplicaResult } from './replica-result.ts'
import { consoleTail, requireVerdict } from './replica-result.ts'

const booted: ReplicaResult<string> = {
  verdict: 'up',
  ended: 'until',
  failure: undefined,
  console: Array.from({ length: 100 }, (_, line) => `line ${line}\r\n`).join(''),
  portText: '',
  reboots: 0,
  wallMs: 61_200,
  qemu: { argv: ['qemu-system-x86_64'], exitCode: null, signal: 'SIGKILL', stderr: 'out of memory' },
}
const failed = { ...booted, verdict: undefined }

test('gives the verdict of a boot that came up', () => {
  assert.equal(requireVerdict(booted), 'up')
})

test('each other end is an error of its own, with the end of the console', () => {
  const failure = { kind: 'kernel-panic', line: 'Kernel panic - not syncing: no init' } as const

  assert.throws(() => requireVerdict({ ...failed, ended: 'timeout' }), { code: 'replica.timeout', exitCode: 5, message: /within 61 s/ })
  assert.throws(() => requireVerdict({ ...failed, ended: 'failure', failure }), {
    code: 'replica.failed',
    message: /kernel-panic.*no init/,
  })
  assert.throws(() => requireVerdict({ ...failed, ended: 'poweroff' }), { code: 'replica.failed', message: /switched itself off/ })
  assert.throws(() => requireVerdict({ ...failed, ended: 'crash' }), { code: 'replica.lost', message: /SIGKILL: out of memory/ })
  assert.equal(consoleTail(failed).split('\n').length, 20)
  assert.equal(consoleTail(failed).split('\n').at(-1), 'line 99')
})
