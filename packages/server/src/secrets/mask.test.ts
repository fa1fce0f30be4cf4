import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maskObject, restoreObject } from './mask.ts'

const stored = {
  host: 'h',
  password: 'p1',
  nested: { api_key: 'k', port: 1, empty_password: '' },
  secret_ref: 'http://barbican/1',
  disk_encryption_keys: [{ device: 'sda', key: 'sesame' }],
  encrypted_disks_passphrase: 'open',
  password_null: null,
}

test('masks what sounds like a secret at any depth, and nothing else', () => {
  assert.deepEqual(maskObject(stored), {
    host: 'h',
    password: '***',
    nested: { api_key: '***', port: 1, empty_password: '' },
    secret_ref: 'http://barbican/1',
    disk_encryption_keys: [{ device: '***', key: '***' }],
    encrypted_disks_passphrase: '***',
    password_null: null,
  })
})

test('what comes back masked is what was stored', () => {
  assert.deepEqual(restoreObject(maskObject(stored), stored), stored)
})

test('a new value replaces the stored one, and a mask for nothing stays a mask', () => {
  assert.deepEqual(restoreObject({ password: 'p2', token_password: '***' }, stored), { password: 'p2', token_password: '***' })
})
