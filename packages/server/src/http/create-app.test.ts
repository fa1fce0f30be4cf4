import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { createApp } from './create-app.ts'

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const app = createApp({ log, keystoneUri: undefined })
app.get('/here', async () => ({ a: 1 }))
before(() => app.listen({ host: '127.0.0.1', port: 0 }))
after(() => app.close())

/** What the server writes until it ends the connection. */
async function exchange(request: string): Promise<{ status: number; head: string; body: { error: { code: number; message: string } } }> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  let text = ''
  socket.on('data', (piece: Buffer) => (text += piece.toString()))
  socket.end(request)
  await once(socket, 'close')
  const [head = '', body = ''] = text.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, body: JSON.parse(body) as { error: { code: number; message: string } } }
}

test('what is no request, and a head that is too long, are answered as the contract has it', async () => {
  const noRequest = await exchange('no request\r\n\r\n')
  assert.equal(noRequest.status, 400)
  assert.equal(noRequest.body.error.code, 400)
  assert.match(noRequest.head, /x-openstack-request-id: req-/)

  // Little beyond the limit: of what the server leaves unread a reset comes back, which may overtake the answer.
  const long = await exchange(`GET /here?env=${'x'.repeat(131_100)} HTTP/1.1\r\nhost: h\r\n\r\n`)
  assert.equal(long.status, 413)
  assert.match(long.body.error.message, /larger than 131072 bytes/)
})

test('an environment of 100 kB in a query is taken, and JSON has no charset', async () => {
  const answer = await fetch(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}/here?env=${'x'.repeat(100_000)}`)

  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), 'application/json')
})
