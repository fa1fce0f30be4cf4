import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeMachine } from './fake-machine.ts'

const signal = AbortSignal.timeout(5_000)

test('the fake machine answers by the first words of the argv and logs what it ran', async () => {
  const machine = new FakeMachine({
    rules: [
      [['blkid', '-o'], { stdout: 'ext4\n' }],
      [['false'], { exitCode: 1, stderr: 'no\n' }],
    ],
  })

  const found = await machine.run(['blkid', '-o', 'value', '/dev/a'], { signal, captureBytes: 100 })
  const failed = await machine.run(['false'], { signal })

  assert.equal(found.stdout.toString(), 'ext4\n')
  assert.deepEqual([failed.exitCode, failed.stderrTail], [1, 'no\n'])
  assert.deepEqual(machine.commands, [['blkid', '-o', 'value', '/dev/a'], ['false']])
})

test('the fake machine refuses a command that no rule names', async () => {
  const machine = new FakeMachine()

  await assert.rejects(machine.run(['mount', '/dev/a'], { signal }), /no rule for: mount \/dev\/a/)
})

test('the fake machine keeps files and lists folders by bytes', async () => {
  const machine = new FakeMachine({ files: { '/etc/b': 'b', '/etc/a/x': 'x' } })

  await machine.write('/etc/c', 'c', { signal })

  assert.deepEqual(await machine.list('/etc', signal), ['a', 'b', 'c'])
  assert.equal(await machine.list('/none', signal), undefined)
  assert.equal((await machine.read('/etc/c', { signal }))?.toString(), 'c')
  assert.equal(await machine.read('/etc/none', { signal }), undefined)
})

test('the fake machine can be cancelled while a command takes its time', async () => {
  const machine = new FakeMachine({ rules: [[['sleep'], { takesMs: 60_000 }]] })

  await assert.rejects(machine.run(['sleep'], { signal: AbortSignal.timeout(10) }), { name: 'AbortError' })
})
