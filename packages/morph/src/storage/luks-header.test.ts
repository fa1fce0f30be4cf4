import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { InstarError } from '@instar/contract'
import { cryptTable, parseLuksHeader } from './luks-header.ts'
import { deriveVolumeKey, sweepHeaders } from './volume-key.ts'

const run = promisify(execFile)
const signal = AbortSignal.timeout(60_000)
const hasCryptsetup = (() => {
  try {
    execFileSync('/usr/sbin/cryptsetup', ['--version'])
    return true
  } catch {
    return false
  }
})()
const skip = hasCryptsetup ? false : 'no cryptsetup on this host'

/** A container on a file, the passphrase "secret", the cheapest key derivation. */
async function withContainer<Result>(options: readonly string[], use: (path: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'instar-luks-test-'))
  try {
    const path = join(folder, 'disk')
    const file = await open(path, 'w')
    await file.truncate(20 * 2 ** 20)
    await file.close()
    const format = run('/usr/sbin/cryptsetup', ['luksFormat', '-q', '--key-file', '-', ...options, path])
    format.child.stdin!.end('secret')
    await format
    return await use(path)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function readStart(path: string, length = 2 ** 20): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, 0)
    return buffer
  } finally {
    await file.close()
  }
}

const luks2 = ['--type', 'luks2', '--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000', '--sector-size', '4096']
const luks1 = ['--type', 'luks1', '--pbkdf-force-iterations', '1000']

test('a LUKS2 header gives layout and, with the passphrase, the volume key', { skip }, async () => {
  await withContainer(luks2, async path => {
    const start = await readStart(path)

    const layout = parseLuksHeader(start)
    const key = await deriveVolumeKey([{ offset: 0, bytes: start }], Buffer.from('secret'), signal)

    assert.equal(layout.version, 2)
    assert.deepEqual(layout.segment, { offsetBytes: 2 ** 24, cipher: 'aes-xts-plain64', ivTweak: '0', sectorSize: 4096 })
    assert.deepEqual(layout.ranges, [
      { offset: 0, length: 32_768 },
      { offset: 32_768, length: 258_048 },
    ])
    assert.equal(key?.length, 64)
  })
})

test('a LUKS1 header too', { skip }, async () => {
  await withContainer(luks1, async path => {
    const start = await readStart(path)

    const layout = parseLuksHeader(start)
    const key = await deriveVolumeKey([{ offset: 0, bytes: start }], Buffer.from('secret'), signal)

    assert.deepEqual(layout.segment, { offsetBytes: 2 ** 21, cipher: 'aes-xts-plain64', ivTweak: '0', sectorSize: 512 })
    assert.deepEqual(layout.ranges.slice(0, 2), [
      { offset: 0, length: 4096 },
      { offset: 4096, length: 256_000 },
    ])
    assert.equal(key?.length, 64)
  })
})

test('a wrong passphrase gives no key, and no file is left', { skip }, async () => {
  await withContainer(luks2, async path => {
    const pieces = [{ offset: 0, bytes: await readStart(path) }]

    assert.equal(await deriveVolumeKey(pieces, Buffer.from('wrong'), signal), undefined)
    const own = (await readdir('/dev/shm')).filter(name => name.startsWith(`instar-luks-${process.pid}-`))
    assert.deepEqual(own, [])
  })
})

test('the table has the key in hexadecimal and the sector size where the container has', () => {
  const segment = { offsetBytes: 2 ** 24, cipher: 'aes-xts-plain64', ivTweak: '0', sectorSize: 4096 }

  const table = cryptTable(segment, { path: '/dev/dm-1', sizeBytes: 2 ** 24 + 3 * 4096 + 512 }, Uint8Array.of(0, 0xab, 0xff))

  assert.equal(table.toString(), '0 24 crypt aes-xts-plain64 00abff 0 /dev/dm-1 32768 1 sector_size:4096\n')
})

test('a container that is smaller than its header says is refused', () => {
  const segment = { offsetBytes: 2 ** 24, cipher: 'aes-xts-plain64', ivTweak: '0', sectorSize: 512 }

  assert.throws(() => cryptTable(segment, { path: '/dev/dm-1', sizeBytes: 2 ** 20 }, Uint8Array.of(1)), {
    code: 'storage.unsupported-luks',
  })
})

/** A LUKS2 header with this metadata; the checksum is cryptsetup's business. */
function headerWith(metadata: unknown): Buffer {
  const start = Buffer.alloc(32_768)
  start.write('LUKS\xba\xbe', 'latin1')
  start.writeUInt16BE(2, 6)
  start.writeBigUInt64BE(16_384n, 8)
  start.write(typeof metadata === 'string' ? metadata : JSON.stringify(metadata), 4096)
  return start
}

test('a reencryption under way, integrity data and several segments are refused, each with its reason', () => {
  const segment = { type: 'crypt', offset: '16777216', size: 'dynamic', encryption: 'aes-xts-plain64' }
  const refused: [object, RegExp][] = [
    [{ segments: { 0: segment }, config: { requirements: { mandatory: ['online-reencrypt-v2'] } } }, /reencryption/],
    [{ segments: { 0: { ...segment, integrity: { type: 'hmac(sha256)' } } } }, /integrity/],
    [{ segments: { 0: segment, 1: segment } }, /2 data segments/],
    [{ segments: { 0: { ...segment, encryption: 'aes\n0 1 error' } } }, /no cipher/],
    [{ segments: { 0: segment }, keyslots: { 0: { area: { offset: '-1', size: '5' } } } }, /key slot/],
    [{ segments: { 0: segment }, keyslots: { 0: null } }, /key slot/],
    [{ segments: { 0: segment }, config: { requirements: { mandatory: 'x' } } }, /damaged/],
    [{ segments: { 0: segment }, config: { requirements: { mandatory: [null] } } }, /damaged/],
    [{ segments: { 0: { ...segment, encryption: ['aes'] } } }, /no cipher/],
    [{ segments: { 0: { ...segment, offset: [[1]] } } }, /segment offset/],
  ]

  for (const [metadata, message] of refused)
    assert.throws(() => parseLuksHeader(headerWith(metadata)), { code: 'storage.unsupported-luks', message })
})

test('any bytes are read or refused, never more', () => {
  const json = fc.json().map(headerWith)
  const noise = fc.uint8Array({ minLength: 0, maxLength: 8192 }).map(bytes => {
    const start = Buffer.concat([Buffer.from('4c554b53babe0001', 'hex'), bytes])
    return start
  })
  fc.assert(
    fc.property(fc.oneof(json, noise), start => {
      try {
        parseLuksHeader(start)
      } catch (error) {
        assert.ok(error instanceof InstarError, String(error))
      }
    }),
  )
})

test('the sweep removes folders of processes that are gone and no others', async () => {
  const gone = await mkdtemp('/dev/shm/instar-luks-4194301-')
  const own = await mkdtemp(`/dev/shm/instar-luks-${process.pid}-`)
  try {
    await sweepHeaders()

    const left = await readdir('/dev/shm')
    assert.ok(!left.includes(gone.slice('/dev/shm/'.length)))
    assert.ok(left.includes(own.slice('/dev/shm/'.length)))
  } finally {
    await rm(own, { recursive: true, force: true })
  }
})
