import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { modulePaths } from './module-order.ts'
import { recipeHash } from './recipe-hash.ts'
import { PACKAGES } from './recipe.ts'
import { partitionTable } from './root-disk.ts'
import { findPayload, unpackKernel } from './vmlinux.ts'

const signal = AbortSignal.timeout(10_000)

/** A file laid out like a bzImage: boot header, one set-up sector, the payload with its unpacked size behind it. */
function bzImage(packed: Buffer, unpackedBytes: number): Buffer {
  const head = Buffer.alloc(1024)
  head[0x1f1] = 1
  head.write('HdrS', 0x202, 'latin1')
  head.writeUInt32LE(packed.length + 4, 0x24c)
  const size = Buffer.alloc(4)
  size.writeUInt32LE(unpackedBytes)
  return Buffer.concat([head, packed, size])
}

test('the hash of the recipe is stable, and another agent has another one', () => {
  assert.equal(recipeHash(Buffer.from('a')), recipeHash(Buffer.from('a')))
  assert.notEqual(recipeHash(Buffer.from('a')), recipeHash(Buffer.from('b')))
  assert.match(recipeHash(Buffer.from('a')), /^[0-9a-f]{16}$/)
})

test('no package is named twice', () => {
  assert.equal(new Set(PACKAGES).size, PACKAGES.length)
})

test('modules come after what they need, each once', () => {
  const dependencies = [
    'kernel/virtio.ko: kernel/virtio_ring.ko',
    'kernel/virtio_ring.ko:',
    'kernel/virtio_pci.ko: kernel/virtio.ko kernel/virtio_ring.ko',
    'kernel/virtio_console.ko: kernel/virtio.ko kernel/virtio_ring.ko',
  ].join('\n')

  const order = modulePaths(dependencies, ['virtio_pci', 'virtio_console'])

  assert.deepEqual(order, ['kernel/virtio_ring.ko', 'kernel/virtio.ko', 'kernel/virtio_pci.ko', 'kernel/virtio_console.ko'])
  assert.throws(() => modulePaths(dependencies, ['virtio_net']), { code: 'machine.build-failed', message: /virtio_net/ })
})

test('a kernel comes out of its bzImage', async () => {
  const elf = Buffer.concat([Buffer.from([0x7f, 0x45, 0x4c, 0x46]), Buffer.alloc(100_000, 'kernel')])

  const unpacked = await unpackKernel(bzImage(gzipSync(elf), elf.length), signal)

  assert.ok(unpacked.equals(elf))
})

test('what is no kernel is refused with a reason', async () => {
  const text = Buffer.alloc(64, 'x')

  await assert.rejects(unpackKernel(Buffer.alloc(4096), signal), { code: 'machine.build-failed', message: /no boot header/ })
  await assert.rejects(unpackKernel(bzImage(text, 64), signal), { message: /unknown way \(78787878\)/ })
  await assert.rejects(unpackKernel(bzImage(gzipSync(text), 64), signal), { message: /64 of 64 bytes came out of gzip/ })
  await assert.rejects(unpackKernel(bzImage(gzipSync(text), 65), signal), { message: /64 of 65 bytes/ })
})

test('any bytes behind a boot header give a payload inside of the file or one clear error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0x250, maxLength: 2000 }), bytes => {
      const file = Buffer.from(bytes)
      file.write('HdrS', 0x202, 'latin1')

      try {
        assert.ok(findPayload(file).bytes.length <= file.length)
      } catch (error) {
        assert.equal((error as { code: string }).code, 'machine.build-failed')
      }
    }),
  )
})

test('the partition table names the disk and one partition from 1 MiB on', () => {
  const sector = partitionTable(0xdeadbeef, 3 * 1024 * 1024)

  assert.equal(sector.readUInt32LE(440), 0xdeadbeef)
  assert.deepEqual([sector[450], sector.readUInt32LE(454), sector.readUInt32LE(458)], [0x83, 2048, 6144])
  assert.equal(sector.readUInt16BE(510), 0x55aa)
})
