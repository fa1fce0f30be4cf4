import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { blockNode, nodeName } from './block-node.ts'
import type { ChildRequest } from './commit-child.fixture.ts'
import { commitLayers, requireInPlace } from './commit.ts'
import { compareImages } from './compare.ts'
import { finishPendingCommits, lockImages } from './finish-commit.ts'
import { hashFile } from './hash.ts'
import { qemuImg, signal, temporaryFolder, writeDisk, writeThrough } from './images.fixture.ts'
import { createLayer, folderBeside } from './layer.ts'
import { probeImage } from './probe.ts'

const MIB = 1024 * 1024

interface Machine {
  /** Boot disk raw, second disk qcow2, in folders of their own. */
  readonly images: [string, string]
  readonly before: string[]
  /** Raw disks with what the images must hold after the commit. */
  readonly wanted: string[]
  readonly virtualBytes: number
  readonly writes: string[]
}

/** A machine with two disks, which are to be made larger and written to; `mib` is the size of each. */
async function machineOf(folder: string, mib = 8): Promise<Machine> {
  const images: [string, string] = [join(folder, 'a', 'boot.raw'), join(folder, 'b', 'data.qcow2')]
  const wanted = ['0', '1'].map(name => join(folder, 'wanted', name))
  const writes = [`write -P 200 1M ${mib - 4}M`, 'write -z 0 64k', `write -P 201 ${mib}M 1M`]
  const virtualBytes = (mib + 2) * MIB
  for (const name of ['a', 'b', 'wanted']) mkdirSync(join(folder, name))
  for (const [index, file] of wanted.entries()) writeDisk(file, mib, index)
  copyFileSync(wanted[0] ?? '', images[0])
  qemuImg('convert', '-f', 'raw', '-O', 'qcow2', wanted[1] ?? '', images[1])
  const before = await Promise.all(images.map(async file => await hashFile(file, signal)))
  for (const file of wanted) {
    truncateSync(file, virtualBytes)
    writeThrough(nodeName(blockNode([{ path: file, format: 'raw' }])), ...writes)
  }
  return { images, before, wanted, virtualBytes, writes }
}

function startChild(machine: Machine, kill: Pick<ChildRequest, 'killAt' | 'killImage'>) {
  const request: ChildRequest = { ...kill, images: machine.images, virtualBytes: machine.virtualBytes, writes: machine.writes }
  const child = spawn(process.execPath, [join(import.meta.dirname, 'commit-child.fixture.ts'), JSON.stringify(request)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', piece => (output += String(piece)))
  const ended = once(child, 'close').then(([, ending]) => ({ output, killed: ending === 'SIGKILL' }))
  return { child, ended }
}

async function runChild(
  machine: Machine,
  killAt: ChildRequest['killAt'],
  killImage?: string,
): Promise<{ output: string; killed: boolean }> {
  return await startChild(machine, { killAt, ...(killImage === undefined ? {} : { killImage }) }).ended
}

async function finish(files: readonly string[]): Promise<string[]> {
  const said: string[] = []
  await using locks = await lockImages(files, { mode: 'exclusive', signal, say: message => said.push(message) })
  assert.ok(locks.fds.length > 0)
  return said
}

async function assertCommitted({ images, wanted }: Machine): Promise<void> {
  for (const [index, file] of images.entries()) {
    const { chain } = await probeImage(file, { allowBacking: [], signal })
    assert.deepEqual(await compareImages(blockNode(chain), blockNode([{ path: wanted[index] as string, format: 'raw' }]), signal), {
      kind: 'same',
    })
  }
  assertTidy({ images })
}

function assertTidy({ images }: { images: readonly string[] }): void {
  for (const file of images) assert.deepEqual(readdirSync(join(file, '..')), [file.split('/').at(-1)])
}

test('commits all disks of a machine in place, larger ones too, and leaves nothing else', async () => {
  using folder = temporaryFolder()
  const machine = await machineOf(folder.path)

  const { output } = await runChild(machine, 'never')

  assert.deepEqual(output.trim().split('\n'), [
    'layers-kept',
    'prepared',
    'committing',
    'committed',
    'committed',
    'done',
    'cleared',
    'cleared',
  ])
  await assertCommitted(machine)
})

for (const step of ['layers-kept', 'prepared'] as const) {
  test(`killed at "${step}", before the decision, every image is as it was`, async () => {
    using folder = temporaryFolder()
    const machine = await machineOf(folder.path)
    const { killed } = await runChild(machine, step)
    assert.ok(killed)

    const said = await finish(machine.images)

    assert.deepEqual(await Promise.all(machine.images.map(async file => await hashFile(file, signal))), machine.before)
    assert.equal(said.length, step === 'prepared' ? 1 : 0)
    assertTidy(machine)
  })
}

const KILLS = [
  { step: 'committing', disk: undefined, named: 0 },
  { step: 'committing', disk: undefined, named: 1 },
  { step: 'committed', disk: 0, named: 1 },
  { step: 'committed', disk: 1, named: 0 },
  { step: 'done', disk: undefined, named: 1 },
  { step: 'cleared', disk: 1, named: 0 },
  { step: 'cleared', disk: 0, named: 1 },
] as const

for (const { step, disk, named } of KILLS) {
  test(`killed at "${step}"${disk === undefined ? '' : ` of disk ${disk}`}, the commit is finished by the next command on disk ${named}`, async () => {
    using folder = temporaryFolder()
    const machine = await machineOf(folder.path)
    const { killed } = await runChild(machine, step, disk === undefined ? undefined : machine.images[disk])
    assert.ok(killed)

    const said = await finish([machine.images[named]])

    assert.equal(said.length, step === 'committing' || step === 'committed' ? 2 : 0)
    if (said[0] !== undefined) assert.match(said[0], /Finishing the commit to .*boot\.raw, .*data\.qcow2 that the run run-1 began/)
    await finish(machine.images)
    await assertCommitted(machine)
  })
}

test('killed while qemu-img writes, at any moment, the commit is finished', async () => {
  let kills = 0
  for (const delayMs of [1, 8, 16, 28]) {
    using folder = temporaryFolder()
    const machine = await machineOf(folder.path, 12)
    const { child, ended } = startChild(machine, { killAt: 'never' })
    child.stdout.on('data', piece => {
      if (String(piece).includes('committing')) setTimeout(() => child.kill('SIGKILL'), delayMs)
    })
    if ((await ended).killed) kills += 1

    await finish(machine.images)

    await assertCommitted(machine)
  }
  assert.ok(kills >= 2, `only ${kills} kills came before the end`)
})

test('a finished commit that is cut off itself is finished by the one after', async () => {
  using folder = temporaryFolder()
  const machine = await machineOf(folder.path)
  await runChild(machine, 'committed', machine.images[0])
  const stop = new AbortController()

  const cut = finishPendingCommits(machine.images, { signal: stop.signal, say: () => stop.abort(new Error('cut off')) })

  await assert.rejects(cut, /cut off/)
  await finish(machine.images)
  await assertCommitted(machine)
})

test('an image that was replaced before the commit could be finished is not touched', async () => {
  using folder = temporaryFolder()
  const machine = await machineOf(folder.path)
  await runChild(machine, 'committed', machine.images[0])
  const [image] = machine.images
  renameSync(image, join(folder.path, 'aside.raw'))
  writeDisk(image, 10, 77)
  const hash = await hashFile(image, signal)

  await assert.rejects(finish([image]), { code: 'image.commit-refused', message: /another one/, hint: /journal/ })

  assert.equal(await hashFile(image, signal), hash)
  assert.ok(existsSync(`${image}.instar-commit`))
  rmSync(image)
  await assert.rejects(finish([machine.images[1]]), { code: 'image.commit-refused', message: /needs all its images/ })
  renameSync(join(folder.path, 'aside.raw'), image)
  await finish([image])
  await assertCommitted(machine)
})

test('a layer that is gone or changed is said so, and nothing is written', async () => {
  using folder = temporaryFolder()
  const machine = await machineOf(folder.path)
  await runChild(machine, 'committing')
  const [image] = machine.images
  const journal = JSON.parse(readFileSync(`${image}.instar-commit`, 'utf8')) as { images: { layer: string }[] }
  const layer = journal.images[0]?.layer ?? ''
  const aside = join(folder.path, 'aside')
  copyFileSync(layer, aside)

  writeFileSync(layer, 'x')
  await assert.rejects(finish([image]), { code: 'image.commit-refused', message: /was changed/ })
  rmSync(layer)
  await assert.rejects(finish([image]), { code: 'image.commit-refused', message: /cannot be read/ })

  assert.equal(await hashFile(image, signal), machine.before[0])
  copyFileSync(aside, layer)
  await finish([image])
  await assertCommitted(machine)
})

test('a forged journal cannot name files that have none of their own', async () => {
  using folder = temporaryFolder()
  const machine = await machineOf(folder.path)
  await runChild(machine, 'committing')
  rmSync(`${machine.images[1]}.instar-commit`)

  await assert.rejects(finish([machine.images[0]]), { code: 'image.commit-refused', message: /has no journal/ })

  assert.deepEqual(await Promise.all(machine.images.map(async file => await hashFile(file, signal))), machine.before)
})

test('a journal that came with a copy of the image is refused, and so is one that is no journal', async () => {
  using folder = temporaryFolder()
  const machine = await machineOf(folder.path)
  await runChild(machine, 'committing')
  const copy = join(folder.path, 'copy.raw')
  copyFileSync(machine.images[0], copy)
  copyFileSync(`${machine.images[0]}.instar-commit`, `${copy}.instar-commit`)

  await assert.rejects(finish([copy]), { code: 'image.commit-refused', message: /belongs to other images/, hint: /remove the journal/ })

  for (const text of ['', '{}', '[1]', '{"version":1,"run_id":"x","begun_at":"x","state":"done","images":[{}]}']) {
    writeFileSync(`${copy}.instar-commit`, text)
    await assert.rejects(finish([copy]), { code: 'image.commit-refused' }, text)
  }
})

test('refuses formats, names and places that cannot be changed in place, with the way out', async () => {
  using folder = temporaryFolder()
  const [vmdk, long] = [join(folder.path, 'disk.vmdk'), join(folder.path, 'x'.repeat(250))]
  qemuImg('create', '-q', '-f', 'vmdk', vmdk, '1M')
  qemuImg('create', '-q', '-f', 'raw', long, '1M')

  for (const file of [vmdk, long]) {
    const image = await probeImage(file, { allowBacking: [], signal })
    await assert.rejects(requireInPlace(image), { code: 'image.not-in-place', exitCode: 3, hint: /--output NEW/ })
  }
})

test('two disks of which one is based on the other are not committed together', async () => {
  using folder = temporaryFolder()
  const [base, top] = [join(folder.path, 'base.raw'), join(folder.path, 'top.qcow2')]
  writeDisk(base, 2)
  qemuImg('create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', top)
  await using locks = await lockImages([base, top], { mode: 'exclusive', signal, say: assert.fail })
  await using stack = new AsyncDisposableStack()
  const layers = []
  for (const file of [base, top]) {
    const image = await probeImage(file, { allowBacking: [base], signal })
    layers.push(stack.use(await createLayer({ image, dir: folderBeside(image), signal })))
  }

  const committing = commitLayers(layers, { runId: 'r', locks, signal })

  await assert.rejects(committing, { code: 'image.not-in-place', message: /top\.qcow2 is based on it/ })
})

test('an image that was changed under the layer is not committed to', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk.raw')
  writeDisk(file, 4)
  const image = await probeImage(file, { allowBacking: [], signal })
  await using layer = await createLayer({ image, dir: folderBeside(image), signal })
  writeThrough(nodeName(layer.node), 'write -P 9 0 1M')
  await using locks = await lockImages([file], { mode: 'exclusive', signal, say: assert.fail })
  writeDisk(file, 4, 5)
  const hash = await hashFile(file, signal)

  await assert.rejects(commitLayers([layer], { runId: 'r', locks, signal }), { code: 'image.changed' })

  assert.equal(await hashFile(file, signal), hash)
  assert.ok(!existsSync(`${file}.instar-commit`))
})

test('a cancel before the decision leaves the image as it was, and the layer goes', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk.raw')
  writeDisk(file, 4)
  const [hash, { mtimeNs }] = [await hashFile(file, signal), statSync(file, { bigint: true })]
  const stop = new AbortController()
  {
    const image = await probeImage(file, { allowBacking: [], signal })
    await using layer = await createLayer({ image, dir: folderBeside(image), signal })
    await using locks = await lockImages([file], { mode: 'exclusive', signal, say: assert.fail })
    const committing = commitLayers([layer], { runId: 'r', locks, signal: stop.signal, onStep: () => stop.abort(new Error('by the user')) })

    await assert.rejects(committing, /by the user/)
  }

  assert.equal(await hashFile(file, signal), hash)
  assert.equal(statSync(file, { bigint: true }).mtimeNs, mtimeNs)
  assert.deepEqual(readdirSync(folder.path), ['disk.raw'])
})
