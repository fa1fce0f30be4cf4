import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { linkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { qemuImg, signal, temporaryFolder, writeDisk } from './images.fixture.ts'
import type { LockMode } from './lock.ts'
import { takeLocks as takeLocksWaiting } from './lock.ts'
import { probeImage } from './probe.ts'

const takeLocks = async (files: string[], mode: LockMode) => await takeLocksWaiting(files, mode, 0.1)

test('one run works on an image at a time, by whatever name', async () => {
  using folder = temporaryFolder()
  const [file, alias] = [join(folder.path, 'disk'), join(folder.path, 'alias')]
  writeFileSync(file, 'x')
  linkSync(file, alias)
  const first = await takeLocks([file], 'exclusive')

  await assert.rejects(takeLocks([alias], 'exclusive'), { code: 'image.in-use', exitCode: 75 })
  await assert.rejects(takeLocks([file], 'shared'), { code: 'image.in-use' })
  await first[Symbol.asyncDispose]()

  await using second = await takeLocks([alias], 'shared')
  await using third = await takeLocks([file], 'shared')
  assert.equal(second.fds.length + third.fds.length, 2)
})

test('a lock that fails half way gives back what it took', async () => {
  using folder = temporaryFolder()
  const [a, b] = [join(folder.path, 'a'), join(folder.path, 'b')]
  writeFileSync(a, '')
  writeFileSync(b, '')
  await using held = await takeLocks([b], 'exclusive')

  await assert.rejects(takeLocks([a, b], 'exclusive'), { code: 'image.in-use' })

  await using again = await takeLocks([a], 'exclusive')
  assert.equal(held.fds.length + again.fds.length, 2)
})

test('a lock dies with its process', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk')
  writeFileSync(file, '')
  const program = `
    const { takeLocks } = await import(${JSON.stringify(new URL('lock.ts', import.meta.url).href)})
    globalThis.held = await takeLocks([${JSON.stringify(file)}], 'exclusive')
    console.log('locked'); setInterval(() => {}, 1000)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(holder.stdout, 'data')
  await assert.rejects(takeLocks([file], 'exclusive'), { code: 'image.in-use' })

  holder.kill('SIGKILL')
  await once(holder, 'close')

  await using locks = await takeLocks([file], 'exclusive')
  assert.equal(locks.fds.length, 1)
})

test('an image that a machine writes to is in use', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'disk.qcow2')
  writeDisk(join(folder.path, 'raw'), 1)
  qemuImg('convert', '-O', 'qcow2', join(folder.path, 'raw'), file)
  const writer = spawn('qemu-io', ['-f', 'qcow2', file], { stdio: ['pipe', 'pipe', 'ignore'] })
  writer.stdin.write('write 0 512\n')
  await once(writer.stdout, 'data')

  await assert.rejects(probeImage(file, { allowBacking: [], signal }), { code: 'image.in-use', exitCode: 75, hint: /Shut the machine/ })

  writer.stdin.end('quit\n')
  await once(writer, 'close')
})
