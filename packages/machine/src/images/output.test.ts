import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { blockNode } from './block-node.ts'
import { compareImages } from './compare.ts'
import { qemuImg, signal, temporaryFolder, writeDisk } from './images.fixture.ts'
import type { OutputFormat } from './output.ts'
import { requireOutputPossible, writeOutputs } from './output.ts'
import { probeImage } from './probe.ts'

const FORMATS: readonly OutputFormat[] = ['raw', 'qcow2', 'vmdk', 'vhdx', 'vdi']

test('writes a new image in every format, with the same content and as private as the source', async () => {
  using folder = temporaryFolder()
  const source = join(folder.path, 'source.raw')
  writeDisk(source, 8)
  chmodSync(source, 0o640)
  const { chain } = await probeImage(source, { allowBacking: [], signal })
  const percents: number[] = []
  const outputs = FORMATS.map(format => ({ chain, format, file: join(folder.path, `new, json:.${format}`) }))

  await writeOutputs(outputs, { force: false, signal, onPercent: (_file, percent) => percents.push(percent) })

  for (const { file, format } of outputs) {
    const probed = await probeImage(file, { allowBacking: [], signal })
    assert.equal(probed.format, format)
    assert.deepEqual(await compareImages(blockNode(probed.chain), blockNode(chain), signal), { kind: 'same' })
    assert.equal(statSync(file).mode & 0o777, 0o640)
  }
  assert.equal(percents.at(-1), 100)
  assert.equal(readdirSync(folder.path).length, 1 + FORMATS.length)
})

test('does not replace a file that exists, unless forced, and never a source', async () => {
  using folder = temporaryFolder()
  const [source, existing] = [join(folder.path, 'source.qcow2'), join(folder.path, 'existing')]
  qemuImg('create', '-q', '-f', 'qcow2', source, '4M')
  writeFileSync(existing, 'mine')
  const { chain } = await probeImage(source, { allowBacking: [], signal })
  const write = async (file: string, force: boolean) => await writeOutputs([{ chain, file, format: 'raw' }], { force, signal })

  await assert.rejects(write(existing, false), { code: 'image.output-exists', exitCode: 3 })
  assert.equal(readFileSync(existing, 'utf8'), 'mine')
  await assert.rejects(write(source, true), { code: 'image.output-exists', message: /source of the run/ })
  await assert.rejects(write(join(folder.path, 'none', 'x'), false), { code: 'image.not-found', hint: /Make the folder/ })
  await write(existing, true)

  assert.equal(statSync(existing).size, 4 * 1024 * 1024)
})

test('tells before the work that a folder takes no files, and leaves none in one that does', async () => {
  using folder = temporaryFolder()
  const ask = async (file: string) => await requireOutputPossible([{ chain: [], file, format: 'raw' }], false)

  await assert.rejects(ask('/proc/new.raw'), { code: 'host.no-access', message: 'no file can be written into /proc' })
  await ask(join(folder.path, 'new.raw'))

  assert.deepEqual(readdirSync(folder.path), [])
})

test('a failure or a cancel leaves nothing behind', async () => {
  using folder = temporaryFolder()
  const source = join(folder.path, 'source.raw')
  writeDisk(source, 64)
  const { chain } = await probeImage(source, { allowBacking: [], signal })
  const stop = new AbortController()
  const outputs = ['a', 'b'].map(name => ({ chain, file: join(folder.path, name), format: 'qcow2' as const }))

  const writing = writeOutputs(outputs, { force: false, signal: stop.signal, onPercent: () => stop.abort(new Error('by the user')) })

  await assert.rejects(writing, /by the user/)
  assert.deepEqual(readdirSync(folder.path), ['source.raw'])
})

test('killed in the middle it leaves a temporary file, which the next run removes', async () => {
  using folder = temporaryFolder()
  const [source, file] = [join(folder.path, 'source.raw'), join(folder.path, 'new.qcow2')]
  writeDisk(source, 64)
  const outputs = [{ chain: [{ path: source, format: 'raw' as const }], file, format: 'qcow2' as const }]
  const program = `
    const { writeOutputs } = await import(${JSON.stringify(new URL('output.ts', import.meta.url).href)})
    const onPercent = () => process.kill(process.pid, 'SIGKILL')
    await writeOutputs(${JSON.stringify(outputs)}, { force: false, signal: new AbortController().signal, onPercent })`
  await once(spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' }), 'close')
  const left = readdirSync(folder.path)

  await writeOutputs(outputs, { force: false, signal })

  assert.equal(left.length, 2)
  assert.match(left.join(' '), /\.instar-\d+-.*\.tmp/)
  assert.deepEqual(readdirSync(folder.path), ['new.qcow2', 'source.raw'])
})
