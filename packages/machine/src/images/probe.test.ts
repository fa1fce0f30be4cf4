import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { qemuImg, signal, temporaryFolder, writeDisk } from './images.fixture.ts'
import { probeImage } from './probe.ts'

const MIB = 1024 * 1024
const nothing: string[] = []

test('recognises every format by its header, with the size of the disk', async () => {
  using folder = temporaryFolder()
  for (const [format, options] of Object.entries({ raw: [], qcow2: [], vmdk: [], vhdx: [], vdi: [], vpc: ['-o', 'force_size=on'] })) {
    const file = join(folder.path, `disk.${format}`)
    qemuImg('create', '-q', '-f', format, ...options, file, '64M')

    const probed = await probeImage(file, { allowBacking: nothing, signal })

    assert.equal(probed.format, format)
    assert.equal(probed.virtualBytes, 64 * MIB)
    assert.deepEqual(probed.chain, [{ path: file, format }])
  }
})

test('takes a disk that is named raw as raw, whatever its guest wrote into the first sector', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk')
  qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', '/etc/passwd', '-F', 'raw', file, '64M')

  const probed = await probeImage(file, { format: 'raw', allowBacking: nothing, signal })

  assert.equal(probed.format, 'raw')
  await assert.rejects(probeImage(file, { allowBacking: nothing, signal }), { code: 'image.backing-refused', message: /\/etc\/passwd/ })
  await assert.rejects(probeImage(file, { format: 'vdi', allowBacking: nothing, signal }), {
    code: 'image.damaged',
    message: /its bytes are qcow2/,
  })
})

test('follows backing files that are allowed as files or folders, and no others', async () => {
  using folder = temporaryFolder()
  const [base, middle, top] = ['base.raw', 'middle.qcow2', 'top.qcow2'].map(name => join(folder.path, name)) as [string, string, string]
  writeDisk(base, 4)
  qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', middle)
  qemuImg('create', '-q', '-f', 'qcow2', '-b', middle, '-F', 'qcow2', top)

  const byFiles = await probeImage(top, { allowBacking: [middle, base], signal })
  const byFolder = await probeImage(top, { allowBacking: [folder.path], signal })

  assert.deepEqual(
    byFiles.chain.map(link => link.path),
    [top, middle, base],
  )
  assert.deepEqual(byFolder.chain, byFiles.chain)
  await assert.rejects(probeImage(top, { allowBacking: [middle], signal }), { code: 'image.backing-refused', message: /base\.raw/ })
})

test('an allowed folder does not open the way out of it by a link or by a name that begins alike', async () => {
  using folder = temporaryFolder()
  const allowed = join(folder.path, 'allowed')
  const secret = join(folder.path, 'allowed-not', 'secret')
  mkdirSync(allowed)
  mkdirSync(join(folder.path, 'allowed-not'))
  writeFileSync(secret, Buffer.alloc(MIB))
  symlinkSync(secret, join(allowed, 'link'))
  const image = join(folder.path, 'image.qcow2')

  for (const name of [join(allowed, 'link'), secret, 'allowed/../allowed-not/secret']) {
    qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', name, '-F', 'raw', image, '1M')
    await assert.rejects(probeImage(image, { allowBacking: [allowed], signal }), { code: 'image.backing-refused' }, name)
  }
})

test('refuses names that QEMU would take for a protocol, circles and chains without end', async () => {
  using folder = temporaryFolder()
  const image = join(folder.path, 'image.qcow2')
  const refuse = async (message: RegExp) =>
    await assert.rejects(probeImage(image, { allowBacking: [folder.path], signal }), { code: 'image.backing-refused', message })

  for (const name of ['nbd:127.0.0.1:1', 'json:{"driver":"file","filename":"/etc/passwd"}', 'file:/etc/passwd', 'fat:/etc']) {
    qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', name, '-F', 'raw', image, '1M')
    await refuse(/no file name/)
  }
  qemuImg('create', '-q', '-f', 'qcow2', image, '1M')
  qemuImg('rebase', '-u', '-b', 'image.qcow2', '-F', 'qcow2', image)
  await refuse(/circle/)
})

test('refuses external data files, extents elsewhere and encryption', async () => {
  using folder = temporaryFolder()
  const outside = join(folder.path, 'outside')
  const data = join(folder.path, 'data.qcow2')
  const flat = join(folder.path, 'flat.vmdk')
  const encrypted = join(folder.path, 'encrypted.qcow2')
  qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${outside}`, data, '1M')
  writeFileSync(
    flat,
    `# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 2048 FLAT "${outside}" 0\n`,
  )
  // Not encrypt.format=luks: qemu-img then measures its CPU time, and where the kernel counts that by ticks it fails now and then.
  const key = ['--object', 'secret,id=key,data=key', '-o', 'encrypt.format=aes,encrypt.key-secret=key']
  qemuImg('create', '-q', '-f', 'qcow2', ...key, encrypted, '1M')

  for (const file of [data, flat]) {
    await assert.rejects(probeImage(file, { allowBacking: nothing, signal }), { code: 'image.backing-refused' })
    const allowed = await probeImage(file, { allowBacking: [outside], signal })
    assert.deepEqual(allowed.dataFiles, [outside])
    assert.equal(allowed.virtualBytes, MIB)
  }
  await assert.rejects(probeImage(encrypted, { allowBacking: nothing, signal }), { code: 'image.unsupported', message: /encrypted/ })
})

test('names that look like options or protocols are names', async () => {
  using folder = temporaryFolder()
  for (const name of ['json:{"driver":"nbd"}', 'nbd:localhost:1', 'a,b=c,file.filename=x', ' x\ty', '-f']) {
    const file = join(folder.path, name)
    const plain = join(folder.path, 'plain')
    qemuImg('create', '-q', '-f', 'qcow2', plain, '2M')
    renameSync(plain, file)

    const probed = await probeImage(file, { allowBacking: nothing, signal })

    assert.equal(probed.virtualBytes, 2 * MIB)
  }
})

test('a damaged or truncated image is refused, each with a hint', async () => {
  using folder = temporaryFolder()
  const raw = join(folder.path, 'disk.raw')
  writeDisk(raw, 8)
  for (const format of ['qcow2', 'vmdk', 'vhdx', 'vdi', 'vpc']) {
    const file = join(folder.path, `disk.${format}`)
    qemuImg('convert', '-f', 'raw', '-O', format, raw, file)
    truncateSync(file, Math.floor(readFileSync(file).byteLength / 2))

    await assert.rejects(probeImage(file, { allowBacking: nothing, signal }), { code: 'image.damaged', hint: /qemu-img check/ }, format)
  }
})

test('refuses at once what is too short to be a disk', async () => {
  using folder = temporaryFolder()
  const [empty, short, none] = ['empty.raw', 'short.raw', 'none.qcow2'].map(name => join(folder.path, name)) as [string, string, string]
  writeFileSync(empty, '')
  writeFileSync(short, 'no disk\n')
  qemuImg('create', '-q', '-f', 'qcow2', none, '0')

  for (const [file, bytes] of [
    [empty, 0],
    [short, 512],
    [none, 0],
  ] as const) {
    await assert.rejects(probeImage(file, { allowBacking: nothing, signal }), {
      code: 'image.damaged',
      message: `${file}: its disk is of ${bytes} bytes, the least is 32768`,
      hint: /cut off in copying/,
    })
  }
})

test('refuses what is not a file, and what is not there, without waiting', async () => {
  using folder = temporaryFolder()
  const pipe = join(folder.path, 'pipe')
  execFileSync('mkfifo', [pipe])

  await assert.rejects(probeImage(pipe, { allowBacking: nothing, signal }), { code: 'image.unsupported', message: /regular file/ })
  await assert.rejects(probeImage(folder.path, { allowBacking: nothing, signal }), { code: 'image.unsupported' })
  await assert.rejects(probeImage(join(folder.path, 'none'), { allowBacking: nothing, signal }), { code: 'image.not-found' })
})

test('refuses a disk that claims to be larger than any', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk.qcow2')
  qemuImg('create', '-q', '-f', 'qcow2', '-o', 'cluster_size=2M', file, '65T')

  await assert.rejects(probeImage(file, { allowBacking: nothing, signal }), { code: 'image.unsupported', message: /limit/ })
})
