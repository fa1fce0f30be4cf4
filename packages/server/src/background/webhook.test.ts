import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { createTestStore } from '@instar/store/testing'
import { sendWebhooks } from './webhook.ts'

const webhook = { url: 'http://127.0.0.1:1/hook', secret: 'sesame' }
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const signal = new AbortController().signal

async function storeWithFailure() {
  const store = await createTestStore()
  const row = { id: randomUUID(), project_id: 'p', body: JSON.stringify({ version: 1, kind: 'execution_failed' }), next_at: new Date(0) }
  await store.db.insertInto('webhook_deliveries').values(row).execute()
  return store
}

test('a failure is sent once, signed with its time', async () => {
  await using store = await storeWithFailure()
  const sent: { headers: Record<string, string>; body: string }[] = []
  const fetch = async (_url: unknown, init: unknown) => {
    sent.push(init as (typeof sent)[number])
    return new Response('', { status: 200 })
  }
  const deps = { store, log: silent, now: () => new Date(), fetch: fetch as typeof globalThis.fetch }

  const counts = [await sendWebhooks(deps, webhook, signal), await sendWebhooks(deps, webhook, signal)]

  assert.deepEqual(counts, [1, 0])
  const { headers, body } = sent[0]!
  const expected = createHmac('sha256', 'sesame').update(`${headers['x-instar-time']}.${body}`).digest('hex')
  assert.equal(headers['x-instar-signature'], `sha256=${expected}`)
  assert.equal((JSON.parse(body) as { kind: string }).kind, 'execution_failed')
})

test('one that is not taken is sent again later, with growing pauses, and given up in the end', async () => {
  await using store = await storeWithFailure()
  let time = Date.now()
  const pauses: number[] = []
  const fetch = async () => new Response('', { status: 500 })
  const deps = { store, log: silent, now: () => new Date(time), fetch: fetch as typeof globalThis.fetch }

  for (;;) {
    await sendWebhooks(deps, webhook, signal)
    const [row] = await store.db.selectFrom('webhook_deliveries').select('next_at').execute()
    if (row === undefined) break
    pauses.push((row.next_at.getTime() - time) / 1000)
    time = row.next_at.getTime()
  }

  assert.deepEqual(pauses.slice(0, 4), [10, 20, 40, 80])
  assert.equal(pauses.length, 14)
  assert.equal(Math.max(...pauses), 3600)
})

test('two servers do not send one failure twice', async () => {
  await using store = await storeWithFailure()
  let sent = 0
  const fetch = async () => {
    sent += 1
    return new Response('', { status: 200 })
  }
  const deps = { store, log: silent, now: () => new Date(), fetch: fetch as typeof globalThis.fetch }

  await Promise.all(Array.from({ length: 4 }, () => sendWebhooks(deps, webhook, signal)))

  assert.equal(sent, 1)
})

test('without a webhook failures are thrown away after ten minutes: one that is switched on before gets them', async () => {
  await using store = await storeWithFailure()
  const after = async (minutes: number) => {
    await sendWebhooks({ store, log: silent, now: () => new Date(Date.now() + minutes * 60_000), fetch }, undefined, signal)
    return (await store.db.selectFrom('webhook_deliveries').select('id').execute()).length
  }

  assert.equal(await after(9), 1)
  assert.equal(await after(11), 0)
})
