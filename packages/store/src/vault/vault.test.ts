import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeKeyFile, parseKeys, readKeyFile } from './keys.ts'
import { createVault } from './vault.ts'

const hasCode = (code: string) => (error: unknown) => (error as { code?: string }).code === code

test('what is sealed opens at its place, and shows nothing of itself', () => {
  const vault = createVault([randomBytes(32)])
  const sealed = vault.seal({ password: 'canary-4711' }, 'endpoints:1:connection_info')

  assert.deepEqual(vault.open(sealed, 'endpoints:1:connection_info'), { password: 'canary-4711' })
  assert.ok(!sealed.toString('latin1').includes('canary'))
  assert.notDeepEqual(vault.seal('a', 'p'), vault.seal('a', 'p'))
})

test('a sealed value does not open at another place, with a changed byte, or cut short', () => {
  const vault = createVault([randomBytes(32)])
  const sealed = vault.seal('secret', 'endpoints:1:connection_info')
  const damaged = hasCode('store.damaged-secret')

  assert.throws(() => vault.open(sealed, 'endpoints:2:connection_info'), damaged)
  assert.throws(() => vault.open(sealed.subarray(0, 20), 'endpoints:1:connection_info'), damaged)
  assert.throws(() => vault.open(sealed.subarray(0, -1), 'endpoints:1:connection_info'), damaged)
  for (const at of [0, 9, 25, sealed.length - 1]) {
    const changed = Buffer.from(sealed)
    changed[at]! ^= 1
    assert.throws(() => vault.open(changed, 'endpoints:1:connection_info'), damaged, `byte ${at}`)
  }
})

test('after a change of keys the old values open and the new key seals', () => {
  const [old, current] = [randomBytes(32), randomBytes(32)]
  const before = createVault([old]).seal(1, 'p')
  const after = createVault([current, old])

  assert.equal(after.open(before, 'p'), 1)
  assert.equal(createVault([current]).open(after.seal(2, 'p'), 'p'), 2)
  assert.throws(() => createVault([current]).open(before, 'p'), hasCode('store.unknown-key'))
})

test('keys are read as hex or base64, with comments; others are refused with what is wrong', () => {
  const key = randomBytes(32)

  assert.deepEqual(parseKeys(`# today\n${key.toString('hex')} # first\n${key.toString('base64')}\n`, 'x'), [key, key])
  assert.throws(() => parseKeys('c2hvcnQ=', 'the key file /x'), /key 1 of the key file \/x has 5 bytes, not 32/)
  assert.throws(() => parseKeys('# nothing\n', 'x'), hasCode('store.bad-key'))
})

test('a key file is made, for us alone, and is the same for all that make it at once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keys-'))
  const file = join(folder, 'deep', 'secret.key')
  assert.equal(await readKeyFile(file), undefined)

  const all = await Promise.all([makeKeyFile(file), makeKeyFile(file)])

  assert.deepEqual(all[0], all[1])
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(join(folder, 'deep')), ['secret.key'])
  writeFileSync(file, 'x\n')
  await assert.rejects(readKeyFile(file), hasCode('store.bad-key'))
  assert.equal(readFileSync(file, 'utf8'), 'x\n')
  rmSync(folder, { recursive: true })
})
