import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RowTexts } from './json-text.ts'

test('writes a row once for each of its versions, and keeps the order of the list', async () => {
  const texts = new RowTexts()
  const written: string[] = []
  const list = (...rows: [string, string][]) =>
    texts.of(
      rows.map(([id, version]) => ({ id, version })),
      async ids => {
        written.push(...ids)
        return ids.map(id => ({ id, version: rows.find(row => row[0] === id)![1], text: `${id}${rows.find(row => row[0] === id)![1]}` }))
      },
    )

  assert.deepEqual(await list(['a', '1'], ['b', '1']), ['a1', 'b1'])
  assert.deepEqual(await list(['b', '1'], ['a', '1']), ['b1', 'a1'])
  assert.deepEqual(await list(['a', '2'], ['b', '1']), ['a2', 'b1'])
  assert.deepEqual(written, ['a', 'b', 'a'])
})

test('a row that changed or went between the two looks is as it was found, or left out', async () => {
  const texts = new RowTexts()
  const rows = [
    { id: 'a', version: '1' },
    { id: 'b', version: '1' },
  ]

  assert.deepEqual(await texts.of(rows, async () => [{ id: 'a', version: '2', text: 'a2' }]), ['a2'])
  assert.deepEqual(await texts.of([{ id: 'a', version: '2' }], () => assert.fail('a2 is known')), ['a2'])
})

test('what is too much is forgotten, the oldest first', async () => {
  const texts = new RowTexts()
  const big = 'x'.repeat(20 * 1024 * 1024)
  let writes = 0
  const show = (id: string) =>
    texts.of([{ id, version: '1' }], async () => {
      writes += 1
      return [{ id, version: '1', text: big }]
    })

  for (const id of ['a', 'b', 'b', 'a']) await show(id)

  assert.equal(writes, 3)
})
