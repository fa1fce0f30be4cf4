import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InstarError } from '@instar/contract'
import fc from 'fast-check'
import { parseQcow2Header } from './qcow2-header.ts'

const KNOWN_FORMAT = 0xe2_79_2a_ca
const DATA_FILE = 0x44_41_54_41

interface Parts {
  version?: number
  backing?: string
  extensions?: [number, string][]
  encrypted?: number
  features?: bigint
}

function header({ version = 3, backing, extensions = [], encrypted = 0, features = 0n }: Parts): Buffer {
  const bytes = Buffer.alloc(65536)
  bytes.write('QFI\xfb', 0, 'latin1')
  bytes.writeUInt32BE(version, 4)
  bytes.writeUInt32BE(16, 20)
  bytes.writeBigUInt64BE(1_048_576n, 24)
  bytes.writeUInt32BE(encrypted, 32)
  if (version === 3) {
    bytes.writeBigUInt64BE(features, 72)
    bytes.writeUInt32BE(104, 100)
  }
  let at = version === 3 ? 104 : 72
  for (const [magic, text] of extensions) {
    bytes.writeUInt32BE(magic, at)
    bytes.writeUInt32BE(text.length, at + 4)
    bytes.write(text, at + 8)
    at += 8 + Math.ceil(text.length / 8) * 8
  }
  if (backing !== undefined) {
    bytes.writeBigUInt64BE(4096n, 8)
    bytes.writeUInt32BE(Buffer.byteLength(backing), 16)
    bytes.write(backing, 4096)
  }
  return bytes
}

test('reads size and cluster size of an image without references', () => {
  const parsed = parseQcow2Header(header({}))

  assert.equal(parsed.virtualBytes, 1_048_576)
  assert.equal(parsed.clusterBytes, 65536)
  assert.equal(parsed.backingFile, undefined)
  assert.equal(parsed.dataFile, undefined)
})

test('reads the backing file and its format, in version 2 and 3', () => {
  for (const version of [2, 3]) {
    const parsed = parseQcow2Header(header({ version, backing: '/x/ä base', extensions: [[KNOWN_FORMAT, 'raw']] }))

    assert.equal(parsed.backingFile, '/x/ä base')
    assert.equal(parsed.backingFormat, 'raw')
  }
})

test('finds an external data file behind another extension, or where only the feature bit tells of it', () => {
  const named = parseQcow2Header(
    header({
      extensions: [
        [1234, 'other'],
        [DATA_FILE, '/etc/shadow'],
      ],
    }),
  )
  const unnamed = parseQcow2Header(header({ features: 4n }))

  assert.equal(named.dataFile, '/etc/shadow')
  assert.equal(unnamed.dataFile, '')
})

test('tells of encryption and of the corrupt mark', () => {
  assert.equal(parseQcow2Header(header({ encrypted: 2 })).isEncrypted, true)
  assert.equal(parseQcow2Header(header({ features: 2n })).isMarkedCorrupt, true)
  assert.equal(parseQcow2Header(header({})).isEncrypted, false)
})

test('refuses a backing name outside of the first cluster, of which QEMU and we might read different ones', () => {
  const far = header({ backing: 'x' })
  far.writeBigUInt64BE(65_536n, 8)
  const long = header({ backing: 'x' })
  long.writeUInt32BE(1024, 16)

  for (const bytes of [far, long])
    assert.throws(() => parseQcow2Header(bytes), { code: 'image.damaged', message: /outside its first cluster/ })
})

test('refuses cluster sizes that do not exist, other versions and what is no qcow2', () => {
  const clusters = header({})
  clusters.writeUInt32BE(40, 20)

  assert.throws(() => parseQcow2Header(clusters), { code: 'image.damaged' })
  assert.throws(() => parseQcow2Header(header({ version: 7 })), { code: 'image.unsupported' })
  assert.throws(() => parseQcow2Header(Buffer.alloc(4096)), { code: 'image.damaged' })
})

test('throws nothing but InstarError, whatever the bytes are', () => {
  const hostile = fc.record({
    bytes: fc.uint8Array({ minLength: 0, maxLength: 300 }),
    isMarked: fc.boolean(),
    version: fc.constantFrom(2, 3),
  })
  fc.assert(
    fc.property(hostile, ({ bytes, isMarked, version }) => {
      if (isMarked) bytes.set([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, version].slice(0, bytes.length))
      try {
        parseQcow2Header(bytes)
      } catch (error) {
        assert.ok(error instanceof InstarError, String(error))
      }
    }),
    { numRuns: 2000 },
  )
})
