import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InstarError } from '@instar/contract'
import fc from 'fast-check'
import { sniffFormat } from './image-format.ts'
import { requireWholeVdi, requireWholeVhd } from './vhd-header.ts'

function bytesWith(text: string, at = 0): Buffer {
  const bytes = Buffer.alloc(512)
  bytes.write(text, at, 'latin1')
  return bytes
}

function vhdFooter(type: number): Buffer {
  const footer = bytesWith('conectix')
  footer.writeUInt32BE(type, 60)
  footer.writeUInt32BE(~footer.reduce((sum, byte) => sum + byte, 0) >>> 0, 64)
  return footer
}

test('knows each format by its own bytes', () => {
  const plain = Buffer.alloc(512)

  assert.equal(sniffFormat(bytesWith('QFI\xfb\0\0\0\x03'), plain), 'qcow2')
  assert.equal(sniffFormat(bytesWith('KDMV'), plain), 'vmdk')
  assert.equal(sniffFormat(bytesWith('# Disk DescriptorFile\n'), plain), 'vmdk')
  assert.equal(sniffFormat(bytesWith('vhdxfile'), plain), 'vhdx')
  assert.equal(sniffFormat(bytesWith('\x7f\x10\xda\xbe', 0x40), plain), 'vdi')
  assert.equal(sniffFormat(plain, vhdFooter(2)), 'vpc')
  assert.equal(sniffFormat(plain, plain), 'raw')
})

test('a raw disk that happens to end in the cookie of a VHD, without its checksum, is raw', () => {
  assert.equal(sniffFormat(Buffer.alloc(512), bytesWith('conectix')), 'raw')
})

test('refuses by name what QEMU reads and we do not, and what must be unpacked first', () => {
  const files: [Buffer, RegExp][] = [
    [bytesWith('QFI\xfb\0\0\0\x01'), /version 1/],
    [bytesWith('QED\0'), /QED/],
    [bytesWith('\x1f\x8b'), /gzip/],
    [bytesWith('ustar', 257), /tar archive/],
  ]

  for (const [bytes, message] of files) assert.throws(() => sniffFormat(bytes, Buffer.alloc(512)), { code: 'image.unsupported', message })
})

test('refuses differencing disks of VHD and VDI', () => {
  const vdi = bytesWith('\x7f\x10\xda\xbe', 0x40)
  vdi.writeUInt32LE(4, 0x4c)

  requireWholeVhd(vhdFooter(3), vhdFooter(3))
  assert.throws(() => requireWholeVhd(vhdFooter(4), vhdFooter(4)), { code: 'image.backing-refused' })
  assert.throws(() => requireWholeVdi(vdi, 512), { code: 'image.backing-refused' })
})

test('throws nothing but InstarError, whatever the bytes are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.uint8Array({ maxLength: 512 }), (head, tail) => {
      for (const read of [() => sniffFormat(head, tail), () => requireWholeVhd(head, tail), () => requireWholeVdi(head, 600)]) {
        try {
          read()
        } catch (error) {
          assert.ok(error instanceof InstarError, String(error))
        }
      }
    }),
  )
})
