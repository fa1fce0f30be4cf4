import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseNic } from './request.ts'

test('a card is named by its new address, after the old one or the name of its interface', () => {
  assert.deepEqual(parseNic('00-50-56-AA-BB-CC=52:54:00:12:34:56'), { oldMac: '00:50:56:aa:bb:cc', newMac: '52:54:00:12:34:56' })
  assert.deepEqual(parseNic('ens192=52:54:00:12:34:56'), { oldName: 'ens192', newMac: '52:54:00:12:34:56' })
  assert.deepEqual(parseNic('52:54:00:12:34:56'), { newMac: '52:54:00:12:34:56' })
})

test('what is no address is refused', () => {
  for (const wrong of ['ens192', '=52:54:00:12:34:56', 'a=b', '52:54:00:12:34'])
    assert.throws(() => parseNic(wrong), { code: 'usage.bad-argument' })
})
