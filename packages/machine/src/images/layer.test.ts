import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { blockNode, nodeName } from './block-node.ts'
import { compareImages } from './compare.ts'
import { requireFreeSpace } from './free-space.ts'
import { hashFile } from './hash.ts'
import { qemuImg, signal, temporaryFolder, writeDisk, writeThrough } from './images.fixture.ts'
import { discardKeptLayers, keepLayers, listKeptLayers, openKeptLayer, releaseLayers, whyStale } from './kept-layers.ts'
import { createLayer, folderBeside } from './layer.ts'
import { takeLocks } from './lock.ts'
import { formatOwner, mayBeAlive, parseOwner, thisOwner } from './owner.ts'
import { probeImage } from './probe.ts'
import { sweepLayers } from './sweep.ts'

const MIB = 1024 * 1024

test('what is written goes to the layer: the image stays as it is, and the layer goes with its scope', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'json:{"a, b"}.raw')
  writeDisk(file, 8)
  const [hash, { mtimeNs }] = [await hashFile(file, signal), statSync(file, { bigint: true })]
  const dir = join(folder.path, 'layers')
  {
    await using layer = await createLayer({ image: await probeImage(file, { allowBacking: [], signal }), dir, signal })
    writeThrough(nodeName(layer.node), 'write -P 9 0 1M')
    // By name alone, as another program opens it.
    writeThrough(layer.file, 'write -P 9 1M 1M', 'read -P 14 2M 1M')

    const compared = await compareImages(layer.node, blockNode([{ path: file, format: 'raw' }]), signal)
    assert.equal(compared.kind, 'different')
    assert.equal(statSync(layer.file).mode & 0o777, 0o600)
  }

  assert.equal(await hashFile(file, signal), hash)
  assert.equal(statSync(file, { bigint: true }).mtimeNs, mtimeNs)
  assert.deepEqual(readdirSync(dir), [])
})

test('a layer on a chain names each file of it, and needs nothing that stands in the images', async () => {
  using folder = temporaryFolder()
  const [base, image] = [join(folder.path, 'base.raw'), join(folder.path, 'image.qcow2')]
  writeDisk(base, 4)
  qemuImg('create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', image)
  const probed = await probeImage(image, { allowBacking: [base], signal })
  await using layer = await createLayer({ image: probed, dir: folder.path, signal })

  qemuImg('rebase', '-q', '-u', '-b', '/etc/passwd', '-F', 'raw', image)

  writeThrough(layer.file, 'read -P 7 1M 1M')
  assert.deepEqual(await compareImages(layer.node, blockNode([{ path: base, format: 'raw' }]), signal), { kind: 'same' })
})

test('a layer can make the disk larger', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk.raw')
  writeDisk(file, 2)
  const image = await probeImage(file, { allowBacking: [], signal })
  await using layer = await createLayer({ image, dir: folder.path, virtualBytes: 16 * MIB, signal })

  writeThrough(nodeName(layer.node), 'write -P 9 15M 1M')

  assert.equal(layer.virtualBytes, 16 * MIB)
})

test('says how much space is needed and how much is free', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk.raw')
  writeDisk(file, 1)
  const image = await probeImage(file, { allowBacking: [], signal })
  const dir = join(folder.path, 'layers')

  const request = createLayer({ image, dir, needBytes: 2 ** 60, signal })

  await assert.rejects(request, { code: 'image.no-space', message: /needed 1099511627776 MiB, free \d+ MiB in/ })
  assert.deepEqual(readdirSync(dir), [])
  await requireFreeSpace(folder.path, 1, 'a byte')
})

test('a kept layer survives its run and is opened again for the next, until it is released', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk.raw')
  writeDisk(file, 4)
  const image = await probeImage(file, { allowBacking: [], signal })
  {
    await using layer = await createLayer({ image, dir: folder.path, signal })
    writeThrough(nodeName(layer.node), 'write -P 9 0 1M')
    await keepLayers([layer], 'run-1')
  }

  const [kept] = await listKeptLayers([folder.path], { path: file })
  assert.ok(kept)
  assert.equal(kept.record.run_id, 'run-1')
  assert.deepEqual(await listKeptLayers([folder.path], { runId: 'run-2' }), [])
  const again = await openKeptLayer(kept, signal)
  writeThrough(nodeName(again.node), 'read -P 9 0 1M')
  await again[Symbol.asyncDispose]()
  const [still] = await listKeptLayers([folder.path], { path: file })
  assert.ok(still)
  {
    await using last = await openKeptLayer(still, signal)
    await releaseLayers([last])
  }
  assert.deepEqual(await listKeptLayers([folder.path]), [])
})

test('a kept layer is of no use once its image was changed', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk.raw')
  writeDisk(file, 4)
  const image = await probeImage(file, { allowBacking: [], signal })
  await using layer = await createLayer({ image, dir: folder.path, signal })
  await keepLayers([layer], 'run-1')
  const [still] = await listKeptLayers([folder.path])
  assert.ok(still)
  assert.equal(await whyStale(still), undefined)

  writeDisk(file, 4, 1)
  assert.equal(await whyStale(still), `${file} was changed meanwhile`)
  await assert.rejects(openKeptLayer(still, signal), { code: 'image.changed', message: /run-1/, hint: /instar run discard run-1$/ })
})

test('so is one whose own file is gone, or whose image', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk.raw')
  writeDisk(file, 4)
  await using layer = await createLayer({ image: await probeImage(file, { allowBacking: [], signal }), dir: folder.path, signal })
  await keepLayers([layer], 'run-1')
  const [kept] = await listKeptLayers([folder.path])
  assert.ok(kept)

  rmSync(layer.file)
  assert.equal(await whyStale(kept), `${layer.file} is not there any more`)
  rmSync(file)
  assert.equal(await whyStale(kept), `${file} is not there any more`)
})

test('what one run kept is removed on request, unless a command works on it; what others kept stays', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk.raw')
  writeDisk(file, 4)
  const image = await probeImage(file, { allowBacking: [], signal })
  const dir = folderBeside(image)
  for (const run of ['run-1', 'run-2']) {
    await using layer = await createLayer({ image, dir, signal })
    await keepLayers([layer], run)
  }
  {
    await using _shell = await takeLocks([file], 'shared')
    await assert.rejects(discardKeptLayers([dir], 'run-1'), { code: 'image.in-use' })
  }

  assert.equal(await discardKeptLayers([dir], 'run-1'), 1)
  assert.equal(await discardKeptLayers([dir], 'run-1'), 0)
  const left = await listKeptLayers([dir])
  rmSync(file)

  assert.deepEqual(
    left.map(({ record }) => record.run_id),
    ['run-2'],
  )
  assert.equal(await discardKeptLayers([dir], 'run-2'), 1, 'also when its image is gone')
  assert.ok(!existsSync(dir))
})

test('sweeping removes what dead runs left, and nothing of living ones, kept ones or others', async () => {
  using folder = temporaryFolder()
  const dead = formatOwner({ ...thisOwner(), startTicks: '1' })
  const rebooted = formatOwner({ ...thisOwner(), boot: '00000000' })
  const living = formatOwner(thisOwner())
  const make = (name: string, keep?: string) => {
    mkdirSync(join(folder.path, name))
    if (keep !== undefined) writeFileSync(join(folder.path, name, 'keep.json'), keep)
  }
  for (const tag of [dead, rebooted, living]) make(`layer-${tag}-abcDEF`)
  make(`layer-${dead}-keepme`, JSON.stringify({ version: 1, run_id: 'r', reason: 'error', image: { path: '/x' } }))
  make(`layer-${dead}-broken`, 'no JSON')
  make(`layer-${dead}-halfof`, JSON.stringify({ version: 1, run_id: 'r', reason: 'commit', image: { path: '/x' } }))
  make('layer-of-mine')
  writeFileSync(join(folder.path, `.instar-${dead}-12345678.tmp`), '')
  writeFileSync(join(folder.path, `.instar-${living}-12345678.tmp`), '')

  const removed = await sweepLayers(folder.path)

  assert.equal(removed.length, 3)
  const left = [
    `.instar-${living}-12345678.tmp`,
    `layer-${dead}-broken`,
    `layer-${dead}-halfof`,
    `layer-${dead}-keepme`,
    `layer-${living}-abcDEF`,
    'layer-of-mine',
  ]
  assert.deepEqual(readdirSync(folder.path).sort(), left.sort())
  assert.deepEqual(await sweepLayers(join(folder.path, 'none')), [])
})

test('an owner is read back from its name, and one of another namespace may be alive', () => {
  const owner = thisOwner()

  assert.deepEqual(parseOwner(formatOwner(owner)), owner)
  assert.equal(parseOwner('1-2-3'), undefined)
  assert.equal(mayBeAlive(owner), true)
  assert.equal(mayBeAlive({ ...owner, startTicks: '1' }), false)
  assert.equal(mayBeAlive({ ...owner, startTicks: '1', namespace: '7' }), true)
  assert.ok(existsSync('/proc/self/ns/pid'))
})
