import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readText, send } from './http.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-http-'))
after(() => rmSync(dir, { recursive: true }))
const signal = AbortSignal.timeout(60_000)
const plain = { caFile: undefined, insecure: false }
const hasOpenssl = spawnSync('openssl', ['version']).status === 0

test(
  'an https service is checked against the system, against a file, or not at all',
  { skip: hasOpenssl ? false : 'openssl is not on this machine' },
  async () => {
    const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    const made = spawnSync('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      key,
      '-out',
      cert,
      ...subject,
    ])
    assert.equal(made.status, 0, String(made.stderr))
    await using server = await listen(
      createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => response.end('safe')),
    )
    const ask = async (tls: { caFile: string | undefined; insecure: boolean }) =>
      readText(await send({ method: 'GET', url: new URL(`https://localhost:${server.port}/`), signal, tls }))
    await assert.rejects(ask(plain), { code: 'service.unreachable' })
    assert.equal(await ask({ caFile: cert, insecure: false }), 'safe')
    assert.equal(await ask({ caFile: undefined, insecure: true }), 'safe')
    await assert.rejects(ask({ caFile: join(dir, 'none.pem'), insecure: false }), { code: 'usage.unreadable-file' })
  },
)

test('a service that says nothing is given up after the time limit, and at once when we are cancelled', async () => {
  await using server = await listen(createPlainServer(() => undefined))
  const url = new URL(`http://localhost:${server.port}/`)
  await assert.rejects(send({ method: 'GET', url, signal, tls: plain, timeoutMs: 50 }), (error: Error) =>
    /no word for 0\.05 s/.test(String(error.cause)),
  )
  const cancel = new AbortController()
  const asked = send({ method: 'GET', url, signal: cancel.signal, tls: plain })
  cancel.abort(new Error('enough'))
  await assert.rejects(asked, { message: 'enough' })
})

async function listen(server: Server & { closeAllConnections: () => void }): Promise<AsyncDisposable & { port: number }> {
  server.listen(0, 'localhost')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
