import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { identityOf, isAlive, thisProcess } from './process-identity.ts'

test('this process is alive, and another with its number is not it', () => {
  const self = thisProcess()

  assert.equal(isAlive(self), true)
  assert.equal(isAlive({ ...self, start_time: '1' }), false)
  assert.equal(isAlive({ ...self, boot_id: 'other' }), false)
})

test('a process that has ended is not alive', async () => {
  const child = spawn('sleep', ['60'])
  const identity = identityOf(child.pid!)!
  const alive = isAlive(identity)

  child.kill('SIGKILL')
  await once(child, 'exit')

  assert.equal(alive, true)
  assert.equal(isAlive(identity), false)
})
