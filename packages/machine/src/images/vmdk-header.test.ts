import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InstarError } from '@instar/contract'
import fc from 'fast-check'
import { isNestedDescriptor, parseVmdkDescriptor, readVmdkReferences } from './vmdk-header.ts'

const DESCRIPTOR = `# Disk DescriptorFile
version=1
CID=fffffffe
parentCID=ffffffff
createType="twoGbMaxExtentFlat"
RW 4192256 FLAT "disk one-f001.vmdk" 0
RW 2048 FLAT "disk-f002.vmdk" 0
RW 2048 ZERO
`

function sparse(capacity: bigint, descriptor: string): Buffer {
  const bytes = Buffer.alloc(512 * 30)
  bytes.write('KDMV', 0)
  bytes.writeBigUInt64LE(capacity, 12)
  bytes.writeBigUInt64LE(1n, 28)
  bytes.write(descriptor, 512)
  return bytes
}

test('reads the extents of a descriptor', () => {
  const parsed = parseVmdkDescriptor(DESCRIPTOR)

  assert.equal(parsed.createType, 'twoGbMaxExtentFlat')
  assert.deepEqual(parsed.extents, ['disk one-f001.vmdk', 'disk-f002.vmdk'])
  assert.equal(parsed.parent, undefined)
})

test('sees the spellings of an extent line that sscanf would take', () => {
  const spellings = [
    'RW 1 FLAT "/etc/shadow" 0',
    '  RW  +1\tFLAT"/etc/shadow"',
    'RW\n1\nFLAT\n"/etc/shadow"',
    'RW 1FLAT "/etc/shadow"',
    '# RW 1 FLAT "/etc/shadow',
  ]

  for (const text of spellings) assert.deepEqual(parseVmdkDescriptor(text).extents, ['/etc/shadow'], text)
})

test('follows the extents of a text descriptor and of a sparse header without capacity, not those of a whole sparse file', () => {
  assert.equal(readVmdkReferences(Buffer.from(DESCRIPTOR)).extents.length, 2)
  assert.equal(readVmdkReferences(sparse(0n, DESCRIPTOR)).extents.length, 2)
  assert.equal(readVmdkReferences(sparse(2048n, DESCRIPTOR)).extents.length, 0)
})

test('finds the parent of a delta, in text and embedded', () => {
  const text = 'parentFileNameHint="/vms/base.vmdk"'

  assert.equal(readVmdkReferences(Buffer.from(`# Disk DescriptorFile\n${text}`)).parent, '/vms/base.vmdk')
  assert.equal(readVmdkReferences(sparse(2048n, text)).parent, '/vms/base.vmdk')
  assert.equal(readVmdkReferences(sparse(2048n, DESCRIPTOR)).parent, undefined)
})

test('knows an extent that is itself a list of extents', () => {
  assert.equal(isNestedDescriptor(sparse(0n, DESCRIPTOR)), true)
  assert.equal(isNestedDescriptor(sparse(8n, DESCRIPTOR)), false)
  assert.equal(isNestedDescriptor(Buffer.from('data')), false)
})

test('throws nothing but InstarError, and ends, whatever the bytes are', () => {
  const words = fc.array(fc.constantFrom('RW ', '1 ', 'FLAT ', '"', '"\n', 'parentFileNameHint="', '\0', ' ', '\n', '9'.repeat(40)), {
    maxLength: 400,
  })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), words, (bytes, text) => {
      bytes.set(Buffer.from('KDMV').subarray(0, bytes.length))
      for (const head of [Buffer.from(bytes), Buffer.from(text.join('')), sparse(0n, text.join('').slice(0, 5000))]) {
        try {
          readVmdkReferences(head)
        } catch (error) {
          assert.ok(error instanceof InstarError, String(error))
        }
      }
    }),
    { numRuns: 500 },
  )
})
