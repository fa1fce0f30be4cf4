import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { copyFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { readReplicaRecord, imageFile } from './replica-record.ts'
import { chainOf } from './open-replica.ts'
import { Lab, qemuImg, qemuIo } from './replication.fixture.ts'

const MIB = 1024 * 1024
const CHUNK = 256 * 1024

test('a first copy holds what the source holds, and holes are neither read nor written', async () => {
  using lab = new Lab(64)
  lab.write('write -P 1 0 1M', 'write -P 2 5M 300k', 'write -P 3 63M 1M', 'write -z 20M 1M')

  const generation = await lab.run({ verify: true })

  assert.ok(lab.isSame(1))
  assert.equal(generation.verified, true)
  assert.ok(generation.read_bytes < 3 * MIB, `${generation.read_bytes} bytes read`)
  assert.ok(generation.written_bytes <= 2 * MIB + 320 * 1024, `${generation.written_bytes} bytes written`)
  assert.ok(statSync(imageFile(lab.replica, 1)).size < 4 * MIB)
  assert.deepEqual(lab.files(), ['0001.hashes', '0001.qcow2', 'replica.json', 'replica.lock'])
})

test('the next copy writes only the chunks that changed, and earlier generations stay as they were', async () => {
  using lab = new Lab(64)
  lab.write('write -P 1 0 32M')
  await lab.run()
  const before = join(lab.folder, 'before.raw')
  copyFileSync(lab.source, before)
  // A changed chunk, new data, data that became zero, and a hole where data was.
  lab.write('write -P 9 4M 4k', 'write -P 7 40M 4k', 'write -P 0 8M 256k', 'discard 12M 256k')

  const second = await lab.run({ verify: true })

  assert.ok(lab.isSame(2))
  assert.ok(lab.isSame(1, before))
  assert.ok(second.written_bytes <= 2 * CHUNK, `${second.written_bytes} bytes written`)
  assert.equal((await chainOf(lab.replica, 2)).length, 2)
})

test('a source that did not change gives a generation without data', async () => {
  using lab = new Lab(16)
  lab.write('write -P 1 0 16M')
  await lab.run()

  const second = await lab.run()

  assert.equal(second.written_bytes, 0)
  assert.ok(lab.isSame(2))
})

test('the same execution makes one generation, however often it is run', async () => {
  using lab = new Lab(4)
  const first = await lab.run({ executionId: 'x' })

  assert.deepEqual(await lab.run({ executionId: 'x' }), first)
  assert.equal((await readReplicaRecord(lab.replica))?.generations.length, 1)
})

test('a disk may grow and shrink between copies', async () => {
  using lab = new Lab(8)
  lab.write('write -P 1 0 8M')
  await lab.run()
  qemuImg('resize', '-q', '-f', 'raw', lab.source, `${11 * MIB + 512}`)
  lab.write('write -P 5 10M 4k')
  await lab.run()
  assert.ok(lab.isSame(2))

  qemuImg('resize', '-q', '--shrink', '-f', 'raw', lab.source, `${3 * MIB + 1024}`)
  await lab.run()
  assert.ok(lab.isSame(3))

  qemuImg('resize', '-q', '-f', 'raw', lab.source, '9M')
  await lab.run({ verify: true })

  assert.ok(lab.isSame(4))
})

test('a qcow2 source with compressed clusters on a backing file is read as its guest reads it', async () => {
  using lab = new Lab(16, 'qcow2')
  const base = join(lab.folder, 'base.qcow2')
  lab.write('write -P 3 0 6M')
  qemuImg('convert', '-c', '-O', 'qcow2', lab.source, base)
  rmSync(lab.source)
  qemuImg('create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', lab.source)
  lab.write('write -P 4 1M 64k')

  await lab.run({ verify: true })

  assert.ok(lab.isSame(1))
})

test('hashes that are lost are made again from the replica', async () => {
  using lab = new Lab(16)
  lab.write('write -P 1 0 16M')
  await lab.run()
  rmSync(join(lab.replica, '0001.hashes'))
  lab.write('write -P 2 3M 4k')

  const second = await lab.run()

  assert.equal(second.written_bytes, CHUNK)
  assert.ok(lab.isSame(2))
  assert.match(lab.said.join('\n'), /no hashes of its last generation/)
})

test('a copy that does not match its source is not taken', async () => {
  using lab = new Lab(8)
  lab.write('write -P 1 0 8M')
  await lab.run()
  // As a failing disk would: the hash says one thing, the file another.
  const file = imageFile(lab.replica, 1)
  qemuImg('info', file)
  const damaged = join(lab.folder, 'damaged.qcow2')
  copyFileSync(file, damaged)
  qemuIo(damaged, 'qcow2', 'write -P 66 2M 4k')
  rmSync(file)
  copyFileSync(damaged, file)

  await assert.rejects(lab.run({ verify: true }), { code: 'replication.mismatch' })
  assert.equal((await readReplicaRecord(lab.replica))?.generations.length, 1)
})

test('progress rises to its end, and the forecast tells when', async () => {
  using lab = new Lab(64)
  lab.write('write -P 1 0 64M')
  await lab.run()

  assert.deepEqual(lab.forecasts.at(-1), { ...lab.forecasts.at(-1), doneBytes: 64 * MIB, totalBytes: 64 * MIB })
  assert.ok(lab.forecasts.every((forecast, at) => at === 0 || forecast.doneBytes >= lab.forecasts[at - 1]!.doneBytes))
})

test('a source that a machine runs on is refused with a hint', async () => {
  using lab = new Lab(4, 'qcow2')
  const machine = spawn('qemu-io', ['-f', 'qcow2', '-c', 'write 0 4k', '-c', 'sleep 60000', lab.source], { stdio: 'ignore' })
  while (isFree(lab.source)) await sleep(20)

  await assert.rejects(lab.run(), { code: 'image.in-use', hint: /Shut the machine down/ })

  machine.kill('SIGKILL')
  await new Promise(resolve => machine.once('close', resolve))
  await lab.run()
})

test('a record that is not ours is refused by name', async () => {
  using lab = new Lab(4)
  await lab.run()
  writeFileSync(join(lab.replica, 'replica.json'), '{"version": 2}')

  await assert.rejects(lab.run(), { code: 'replication.damaged', message: /replica\.json/ })
})

function isFree(image: string): boolean {
  try {
    qemuImg('info', image)
    return true
  } catch {
    return false
  }
}
