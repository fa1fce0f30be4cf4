import assert from 'node:assert/strict'
import { duplexPair } from 'node:stream'
import { test } from 'node:test'
import { InstarError } from '@instar/contract'
import { Qmp } from './qmp.ts'

const signal = AbortSignal.timeout(10_000)

/** A monitor that answers by the table and greets first; a command that is not in it gets an error. */
function openFake(answers: Readonly<Record<string, unknown>>) {
  const [host, qemu] = duplexPair()
  const asked: string[] = []
  qemu.write('{"QMP": {"version": {}}}\r\n')
  qemu.on('data', (bytes: Buffer) => {
    for (const line of bytes.toString().split('\n').filter(Boolean)) {
      const { execute, id } = JSON.parse(line) as { execute: string; id: number }
      asked.push(execute)
      const answer = execute in answers ? { return: answers[execute] } : { error: { class: 'GenericError', desc: 'no such command' } }
      qemu.write(`${JSON.stringify({ ...answer, id })}\r\n`)
    }
  })
  return { qmp: new Qmp(host), asked, send: (text: string) => qemu.write(text) }
}

test('negotiates first and gives what QEMU returns', async () => {
  const { qmp, asked } = openFake({ qmp_capabilities: {}, 'query-status': { running: true } })

  const status = await qmp.execute('query-status', {}, signal)

  assert.deepEqual(status, { running: true })
  assert.deepEqual(asked, ['qmp_capabilities', 'query-status'])
})

test('a refused command throws with the words of QEMU as its cause', async () => {
  const { qmp } = openFake({ qmp_capabilities: {} })

  await assert.rejects(
    qmp.execute('device_add', { id: 'x' }, signal),
    (error: InstarError) => error.message === 'QEMU refused device_add' && (error.cause as Error).message === 'no such command',
  )
})

test('an event wakes only who waits for that device', async () => {
  const { qmp, send } = openFake({ qmp_capabilities: {} })
  const other = qmp.event('DEVICE_DELETED', data => data['device'] === 'b', AbortSignal.timeout(50))
  const wanted = qmp.event('DEVICE_DELETED', data => data['device'] === 'a', signal)

  send('{"event": "DEVICE_DELETED", "data": {"device": "a"}}\r\n')

  await wanted
  await assert.rejects(other, { name: 'TimeoutError' })
})

test('a lost monitor ends what waits', async () => {
  const { qmp } = openFake({ qmp_capabilities: {} })
  const waiting = qmp.event('SHUTDOWN', () => true, signal)

  qmp.lose(new InstarError('machine.lost', 'gone'))

  await assert.rejects(waiting, { code: 'machine.lost' })
  await assert.rejects(qmp.execute('quit', {}, signal), { code: 'machine.lost' })
})

test('a line that is no JSON loses the monitor', async () => {
  const { qmp, send } = openFake({ qmp_capabilities: {} })
  const waiting = qmp.event('SHUTDOWN', () => true, signal)

  send('qemu: fatal\n')

  await assert.rejects(waiting, { code: 'machine.lost', message: /protocol/ })
})
