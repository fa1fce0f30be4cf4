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

test('knows the names under which clouds keep secrets, and those that only sound so', () => {
  const secret = [
    'token',
    'auth_token',
    'access_key',
    'accessKey',
    'ssh_key',
    'client_key',
    'key',
    'key_data',
    'pwd',
    'pass',
    'sas',
    'cookie',
  ]
  const open = ['token_url', 'tokenEndpoint', 'public_key', 'key_name', 'keypair', 'access_key_id', 'keyboard', 'compass', 'bypass']
  const value = Object.fromEntries([...secret, ...open].map(name => [name, 'x']))

  const masked = maskObject(value)

  assert.deepEqual(
    Object.keys(masked).filter(name => masked[name] === '***'),
    secret,
  )
})

test('what comes back masked is what was stored', () => {
  assert.deepEqual(restoreObject(maskObject(stored), stored), stored)
})

test('a new value replaces the stored one, and a mask for nothing stays a mask', () => {
  assert.deepEqual(restoreObject({ password: 'p2', token_password: '***' }, stored), { password: 'p2', token_password: '***' })
})
