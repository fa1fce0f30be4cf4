import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { MODE_DIR, MODE_FILE, MODE_LINK, writeCpio } from './cpio-write.ts'
import { appendixForm, renderAppendix } from './appendix.ts'
import { storeAsLz4Legacy } from './lz4.ts'
import { readInitramfs } from './read.ts'
import { makePe } from './pe.fixture.ts'

const signal = new AbortController().signal
const read = (bytes: Buffer, limits?: { unpackedBytes: number; entries: number }) =>
  readInitramfs(bytes, { signal, ...(limits ? { limits } : {}) })

const MAIN = writeCpio([
  { path: 'usr', mode: MODE_DIR },
  { path: 'usr/lib', mode: MODE_DIR },
  { path: 'lib', mode: MODE_LINK, content: 'usr/lib' },
  { path: 'lib/modules/6.1.0/kernel/virtio_blk.ko', mode: MODE_FILE, content: 'module' },
  { path: 'etc/crypttab', mode: MODE_FILE, content: 'root UUID=1 none luks\n' },
  { path: 'filler', mode: MODE_FILE, content: Buffer.alloc(3000, 'abc') },
])
const MICROCODE = Buffer.concat([
  writeCpio([{ path: 'kernel/x86/microcode/AuthenticAMD.bin', mode: MODE_FILE, content: 'ucode' }]),
  Buffer.alloc(512),
])
const EXTRA = writeCpio([{ path: 'etc/crypttab', mode: MODE_FILE, content: 'replaced\n' }])

const pack = (argv: string[]) => (data: Buffer) => spawnSync(argv[0] ?? '', argv.slice(1), { input: data, maxBuffer: 1 << 28 }).stdout
const COMPRESSIONS: Record<string, (data: Buffer) => Buffer> = {
  none: data => data,
  gzip: data => zlib.gzipSync(data),
  zstd: data => zlib.zstdCompressSync(data),
  xz: pack(['xz', '-c', '--check=crc32']),
  'xz-multi-block': pack(['xz', '-c', '-T2', '--block-size=1024']),
  lz4: pack(['lz4', '-l', '-c']),
  lzma: pack(['xz', '--format=lzma', '-c']),
  bzip2: pack(['bzip2', '-c']),
}

for (const [name, compress] of Object.entries(COMPRESSIONS)) {
  test(`reads an image packed with ${name} behind an early microcode archive`, async () => {
    const reading = await read(Buffer.concat([MICROCODE, compress(MAIN)]))

    assert.equal(reading.state, 'whole', reading.problem)
    assert.equal(reading.entries.get('usr/lib/modules/6.1.0/kernel/virtio_blk.ko')?.sizeBytes, 6)
    assert.equal(reading.entries.get('kernel/x86/microcode/AuthenticAMD.bin')?.sizeBytes, 5)
    assert.equal(reading.contents.get('etc/crypttab')?.toString(), 'root UUID=1 none luks\n')
    assert.equal(reading.contents.has('filler'), false)
  })

  test(`says that an image packed with ${name} is damaged when its end is cut off`, async () => {
    const image = compress(MAIN)

    const reading = await read(image.subarray(0, image.length - Math.min(200, Math.floor(image.length / 2))))

    assert.equal(reading.state, 'damaged')
    assert.ok(reading.problem)
  })
}

for (const name of ['none', 'gzip', 'zstd', 'xz', 'xz-multi-block', 'lz4']) {
  test(`sees an archive that was appended to an image packed with ${name}`, async () => {
    const main = COMPRESSIONS[name]?.(MAIN) ?? MAIN
    const padding = Buffer.alloc(((4 - (main.length % 4)) % 4) + 8)

    const reading = await read(Buffer.concat([main, padding, EXTRA, zlib.gzipSync(writeCpio([{ path: 'late', mode: MODE_FILE }]))]))

    assert.equal(reading.state, 'whole', reading.problem)
    assert.equal(reading.contents.get('etc/crypttab')?.toString(), 'replaced\n')
    assert.deepEqual(
      reading.parts.map(part => part.entries),
      [6, 1, 1],
    )
    assert.ok(reading.entries.has('late'))
  })
}

test('an appendix to an lz4 image is a stream of the same kind without padding, to others a plain archive', async () => {
  const big = writeCpio([{ path: 'big', mode: MODE_FILE, content: Buffer.alloc(9 << 20, 'x') }])
  for (const [name, form] of [
    ['lz4', 'lz4'],
    ['xz', 'plain'],
    ['none', 'plain'],
  ] as const) {
    const main = COMPRESSIONS[name]?.(MAIN) ?? MAIN
    const before = await read(main)

    const after = await read(Buffer.concat([main, renderAppendix(big, appendixForm(before), main.length)]))

    assert.equal(appendixForm(before), form)
    assert.equal(after.state, 'whole', after.problem)
    assert.equal(after.entries.get('big')?.sizeBytes, 9 << 20)
    assert.equal(after.entries.size, before.entries.size + 1)
  }
})

test('lz4 itself unpacks what is stored in its format, of any length', () => {
  for (const length of [1, 14, 15, 16, 269, 270, 271, 100_000]) {
    const data = Buffer.alloc(length, 'abc')

    assert.deepEqual(pack(['lz4', '-d', '-c'])(storeAsLz4Legacy(data)), data)
  }
})

test('reads all members of a gzip stream, an archive running over both', async () => {
  const reading = await read(Buffer.concat([zlib.gzipSync(MAIN.subarray(0, 300)), zlib.gzipSync(MAIN.subarray(300))]))

  assert.equal(reading.state, 'whole')
  assert.equal(reading.entries.size, 6)
})

test('reads the initrd, the command line and the version of a unified kernel image', async () => {
  const reading = await read(makePe({ '.cmdline': 'root=UUID=1 ro\0', '.uname': '6.1.0', '.linux': 'x', '.initrd': zlib.gzipSync(MAIN) }))

  assert.equal(reading.state, 'whole')
  assert.deepEqual(reading.uki, { cmdline: 'root=UUID=1 ro', uname: '6.1.0', isSigned: false })
  assert.equal(reading.entries.size, 6)
})

test('says which Debian package has the program that is missing', async t => {
  if (spawnSync('lzop', ['--version']).error === undefined) {
    t.skip('lzop is installed')
    return
  }

  const reading = await read(Buffer.from('894c5a4f000d0a1a0a', 'hex'))

  assert.equal(reading.state, 'unreadable')
  assert.match(reading.problem ?? '', /lzop.*Debian package lzop/)
})

test('stops at its limits for unpacked bytes and entries', async () => {
  const bomb = await read(zlib.gzipSync(Buffer.alloc(4 << 20)), { unpackedBytes: 1 << 20, entries: 10 })
  const many = await read(MAIN, { unpackedBytes: 1 << 20, entries: 3 })

  assert.equal(bomb.state, 'too-big')
  assert.match(bomb.problem ?? '', /more than 1048576 bytes/)
  assert.equal(many.state, 'damaged')
  assert.match(many.problem ?? '', /more than 0 entries|more than 3 entries/)
})

test('notes when a later archive replaces the link lib by a folder', async () => {
  const reading = await read(Buffer.concat([MAIN, writeCpio([{ path: 'lib', mode: MODE_DIR }])]))

  assert.match(reading.notes.join(), /replaces the link \/lib by a folder/)
})

test('gives the content of hard links, which only the last of them carries', async () => {
  const archive = writeCpio([
    { path: 'etc/modules', mode: MODE_FILE },
    { path: 'conf/modules', mode: MODE_FILE, content: 'virtio_blk\n' },
  ])
  const linked = Buffer.from(archive.toString('latin1').replaceAll(/07070100000002/g, '07070100000001'), 'latin1')
  for (const at of [0, linked.indexOf('070701', 6)]) linked.write('00000002', at + 38)

  const reading = await read(linked)

  assert.equal(reading.contents.get('etc/modules')?.toString(), 'virtio_blk\n')
})

test('one large file under many hard links is kept a few times only', async () => {
  const links = Array.from({ length: 50 }, (_, index) => ({ path: `conf/${index}`, mode: MODE_FILE }))
  const archive = writeCpio([...links, { path: 'conf/last', mode: MODE_FILE, content: Buffer.alloc(4 << 20) }])
  const linked = Buffer.from(archive)
  for (let at = 0; at >= 0; at = linked.indexOf('070701', at + 6)) {
    linked.write('00000001', at + 6)
    linked.write(MODE_FILE.toString(16).padStart(8, '0'), at + 14)
    linked.write('00000033', at + 38)
  }

  const { contents, entries } = await read(linked)

  assert.equal(entries.get('conf/0')?.sizeBytes, 4 << 20)
  assert.equal(
    [...contents.values()].reduce((sum, { length }) => sum + length, 0),
    64 << 20,
  )
})

test('files behind a link that changes between them land where it points at that time', async () => {
  const { entries } = await read(
    writeCpio([
      { path: 'l', mode: MODE_LINK, content: 'a' },
      { path: 'l/x', mode: MODE_FILE },
      { path: 'l', mode: MODE_LINK, content: 'b' },
      { path: 'l/x', mode: MODE_FILE },
    ]),
  )

  assert.deepEqual([...entries.keys()], ['l', 'a/x', 'b/x'])
})

test('survives any change of bytes without throwing', async () => {
  const images: Buffer[] = ['none', 'gzip', 'zstd', 'lz4'].map(name => Buffer.concat([MICROCODE, COMPRESSIONS[name]?.(MAIN) ?? MAIN]))
  images.push(makePe({ '.initrd': zlib.gzipSync(MAIN) }))
  const change = fc.record({ at: fc.nat(), byte: fc.nat(255) })

  await fc.assert(
    fc.asyncProperty(fc.nat(images.length - 1), fc.array(change, { maxLength: 8 }), fc.nat(), async (which, changes, cut) => {
      const bytes: Buffer = Buffer.from(images[which] ?? MAIN)
      for (const { at, byte } of changes) bytes[at % bytes.length] = byte
      const reading = await read(cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes, { unpackedBytes: 1 << 22, entries: 1000 })
      assert.ok(['whole', 'damaged', 'unreadable', 'too-big'].includes(reading.state))
    }),
    { numRuns: 400 },
  )
})

test('survives arbitrary bytes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 600 }),
      fc.constantFrom('070701', '1f8b08', '28b52ffd', '02214c18', 'MZ'),
      async (noise, magic) => {
        const head = magic === 'MZ' || magic === '070701' ? Buffer.from(magic) : Buffer.from(magic, 'hex')
        const reading = await read(Buffer.concat([head, noise]), { unpackedBytes: 1 << 22, entries: 1000 })
        assert.notEqual(reading.state, undefined)
      },
    ),
    { numRuns: 300 },
  )
})
