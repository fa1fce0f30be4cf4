import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressArguments, parseSshAddress, quoteWord } from './address.ts'

test('an address names host, user and port', () => {
  assert.deepEqual(addressArguments(parseSshAddress('ssh://admin@minion-1.example:2222')), [
    '-l',
    'admin',
    '-p',
    '2222',
    '--',
    'minion-1.example',
  ])
  assert.deepEqual(parseSshAddress('ssh://[fd00::1]/'), { host: 'fd00::1' })
})

test('what ssh could take for an option, and what is no address, is refused', () => {
  for (const wrong of [
    'ssh://-oProxyCommand=x',
    'ssh://-l@host',
    'http://host',
    'host',
    'ssh://host:99999',
    'ssh://a b',
    'ssh://host/path',
  ]) {
    assert.throws(() => parseSshAddress(wrong), { code: 'ssh.bad-address' }, wrong)
  }
})

test('any word comes through a shell as it is', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: 'binary', maxLength: 20 }).filter(word => !word.includes('\0')),
        { maxLength: 5 },
      ),
      words => {
        const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' x ${words.map(quoteWord).join(' ')}`], { encoding: 'utf8' })

        assert.deepEqual(stdout.split('\0').slice(1, -1), words)
      },
    ),
    { numRuns: 50 },
  )
})
