import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { formatOwner, thisOwner } from '../../images/owner.ts'
import { identityOf } from '../../process-identity.ts'
import { requireArch } from '../open-appliance.ts'
import { runHostTool } from './host-tool.ts'
import { holdLock } from './lock.ts'
import { makeRuntimeFolder, sweepRuntime } from './sweep.ts'

const signal = AbortSignal.timeout(20_000)
let folder = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'instar-host-'))
})
after(() => rm(folder, { recursive: true, force: true }))

/** A folder as a process leaves it that had our pid but another start. */
async function leaveFolder(runtimeDir: string, qemu: unknown): Promise<string> {
  const name = `appliance-${formatOwner({ ...thisOwner(), startTicks: '1' })}-abcdef`
  await mkdir(join(runtimeDir, name), { recursive: true })
  await writeFile(join(runtimeDir, name, 'qemu.json'), JSON.stringify(qemu))
  return name
}

test('sweeping removes what the dead left and nothing else', async () => {
  const runtimeDir = join(folder, 'sweep')
  const ours = await makeRuntimeFolder(runtimeDir)
  const left = await leaveFolder(runtimeDir, null)
  await mkdir(join(runtimeDir, 'something-else'))

  const removed = await sweepRuntime(runtimeDir)

  assert.deepEqual(removed, [left])
  assert.deepEqual((await readdir(runtimeDir)).sort(), [ours.slice(runtimeDir.length + 1), 'something-else'].sort())
  assert.deepEqual(await sweepRuntime(join(folder, 'none')), [])
})

test('sweeping ends a QEMU that was left, but not another process with its pid', async () => {
  const runtimeDir = join(folder, 'qemu')
  const [left, other] = [spawn('sleep', ['60']), spawn('sleep', ['60'])]
  const ended = once(left, 'exit')

  await leaveFolder(runtimeDir, { ...identityOf(other.pid!), start_time: '1' })
  await sweepRuntime(runtimeDir)
  await leaveFolder(runtimeDir, identityOf(left.pid!))
  await sweepRuntime(runtimeDir)

  assert.deepEqual(await ended, [null, 'SIGKILL'])
  assert.ok(identityOf(other.pid!))
  other.kill('SIGKILL')
})

test('a lock is held by one at a time and freed by disposing', async () => {
  const file = join(folder, 'lock')
  const first = await holdLock(file, signal)

  const refused = holdLock(file, AbortSignal.timeout(100))
  await assert.rejects(refused, { name: 'TimeoutError' })
  await first[Symbol.asyncDispose]()
  const second = await holdLock(file, signal)

  await second[Symbol.asyncDispose]()
})

test('a missing program is named with its package', async () => {
  await assert.rejects(runHostTool(['instar-no-such-tool'], { signal, package: 'no-such-package' }), {
    code: 'machine.missing-tool',
    hint: 'Install it: apt-get install no-such-package',
  })
})

test('a failing program is an error with its last words', async () => {
  await assert.rejects(runHostTool(['sh', '-c', 'echo no space left >&2; exit 3'], { signal, package: 'dash' }), {
    code: 'machine.build-failed',
    message: 'sh ended with 3: no space left',
  })
})

test('only x86-64 hosts are taken', () => {
  assert.throws(() => requireArch('arm64'), { code: 'machine.unsupported-arch', message: /arm64/ })
  requireArch('x64')
})
