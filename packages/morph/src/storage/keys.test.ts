import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { InstarError } from '@instar/contract'
import { keysFor, loadKey, parseKey, secretsOf, wipeKeys } from './keys.ts'

const signal = AbortSignal.timeout(10_000)
const uuid = '2734bf77-a898-4953-b734-4d3f1f4bb477'

test('reads the two forms of a key', () => {
  assert.deepEqual(parseKey('all:text:pass:word'), { selector: 'all', source: { kind: 'text', text: 'pass:word' } })
  assert.deepEqual(parseKey(`${uuid}:file:/keys/a:b`), { selector: uuid, source: { kind: 'file', path: '/keys/a:b' } })
})

test('a selector may hold colons, and the first :file: or :text: ends it', () => {
  const option = parseKey('/dev/disk/by-path/pci-0000:00:1f.2-ata-1:text:a:file:b')

  assert.deepEqual(option, { selector: '/dev/disk/by-path/pci-0000:00:1f.2-ata-1', source: { kind: 'text', text: 'a:file:b' } })
})

test('what is no key is refused without telling the secret', () => {
  for (const value of ['', 'all', ':text:secret', 'all:text:', 'all:key:secret', 'secret-only']) {
    assert.throws(
      () => parseKey(value),
      (error: unknown) => error instanceof InstarError && error.code === 'usage.bad-argument' && !error.message.includes('secret-only:t'),
    )
  }
  fc.assert(
    fc.property(fc.string(), text => {
      try {
        parseKey(text)
      } catch (error) {
        assert.ok(error instanceof InstarError)
      }
    }),
  )
})

test('a key file is read with every byte, and tried with and without the newline at its end', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'instar-keys-test-'))
  try {
    await writeFile(join(folder, 'key'), Buffer.from('a\0b\n'))

    const key = await loadKey(parseKey(`all:file:${folder}/key`), signal)

    assert.deepEqual(
      secretsOf(key).map(secret => Buffer.from(secret).toString('latin1')),
      ['a\0b\n', 'a\0b'],
    )
    wipeKeys([key])
    assert.deepEqual([...key.secret], [0, 0, 0, 0])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a key file that is not there is an error of usage', async () => {
  await assert.rejects(loadKey(parseKey('all:file:/nowhere/key'), signal), { code: 'usage.bad-argument' })
})

test('keys for just this container come before those for all; others are not tried', () => {
  const key = (selector: string) => ({ selector, secret: Buffer.from(selector) })
  const keys = ['all', '/dev/sdb1', `UUID=${uuid.toUpperCase()}`, '/dev/sda1', `luks-${uuid}`].map(key)

  assert.deepEqual(
    keysFor(new Set([uuid, '/dev/sda1']), keys).map(({ selector }) => selector),
    [`UUID=${uuid.toUpperCase()}`, '/dev/sda1', `luks-${uuid}`, 'all'],
  )
})
