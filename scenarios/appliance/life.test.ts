import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { heavy, requires } from '@instar/fixtures'
import { identityOf, openAppliance, sweepRuntime } from '@instar/machine'
import { provideImage } from '../../packages/machine/src/appliance/image/build.ts'
import { startVm } from '../../packages/machine/src/appliance/vm.ts'
import { CACHE_DIR, openTestAppliance } from './open-test-appliance.ts'

const skip = requires(['qemu', 'mmdebstrap', 'e2fsprogs'], process.env)

/** The QEMU of the one appliance in a runtime folder. */
async function qemuIn(runtimeDir: string): Promise<number> {
  const [name] = await readdir(runtimeDir)
  return (JSON.parse(await readFile(join(runtimeDir, name!, 'qemu.json'), 'utf8')) as { pid: number }).pid
}

test('a QEMU that is killed in mid-work ends every call with how it ended', { skip }, async () => {
  await using appliance = await openTestAppliance()
  const { machine, signal, folder } = appliance
  const waiting = [
    machine.run(['sleep', '60'], { signal }),
    machine.run(['cat', '/dev/zero'], { signal }),
    machine.list('/usr/bin', signal),
  ]

  process.kill(await qemuIn(join(folder, 'run')), 'SIGKILL')
  const ends = await Promise.allSettled(waiting)

  const messages = ends.filter(end => end.status === 'rejected').map(({ reason }) => reason as { code: string; message: string })
  assert.ok(messages.length >= 2)
  for (const { code, message } of messages) {
    assert.equal(code, 'machine.lost')
    assert.match(message, /ended by SIGKILL/)
  }
  await assert.rejects(machine.run(['true'], { signal }), { code: 'machine.lost' })
  await assert.rejects(machine.attach({ file: '/dev/null', format: 'raw', readOnly: true }, signal), { code: 'machine.lost' })
})

test('a guest whose kernel panics is lost with the last words of its console', { skip }, async () => {
  await using appliance = await openTestAppliance()
  const { machine, signal } = appliance

  const panic = machine.run(['sh', '-c', 'echo c >/proc/sysrq-trigger'], { signal })

  await assert.rejects(panic, { code: 'machine.lost', message: /QEMU exited with 0; its last words: .*Kernel panic.*sysrq/ })
})

test('kill -9 of the client leaves no QEMU, and the next one removes its folder', { skip }, async () => {
  const signal = AbortSignal.timeout(120_000)
  await using _ = await heavy(signal)
  const folder = await mkdtemp(join(tmpdir(), 'instar-orphan-'))
  const runtimeDir = join(folder, 'run')
  const open = `import { openAppliance } from '@instar/machine'
    const machine = await openAppliance({ cacheDir: process.argv[1], runtimeDir: process.argv[2], disks: [], signal: AbortSignal.timeout(60000) })
    console.log('up')
    await machine.run(['sleep', '60'], { signal: AbortSignal.timeout(60000) })`
  const client = spawn(process.execPath, ['--input-type=module', '-e', open, CACHE_DIR, runtimeDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(client.stdout, 'data')
  const qemu = identityOf(await qemuIn(runtimeDir))

  client.kill('SIGKILL')
  await once(client, 'exit')
  const until = performance.now() + 5_000
  while (identityOf(qemu!.pid)?.start_time === qemu!.start_time && performance.now() < until) await sleep(20)

  assert.notEqual(identityOf(qemu!.pid)?.start_time, qemu!.start_time)
  assert.equal((await sweepRuntime(runtimeDir)).length, 1)
  assert.deepEqual(await readdir(runtimeDir), [])
  await rm(folder, { recursive: true })
})

test('a machine that does not boot in time is ended and says so', { skip }, async () => {
  const signal = AbortSignal.timeout(120_000)
  await using _ = await heavy(signal)
  const folder = await mkdtemp(join(tmpdir(), 'instar-late-'))
  const image = await provideImage({ cacheDir: CACHE_DIR, signal, onProgress: () => {} })
  let pid = 0
  const options = { accel: 'tcg', memoryMiB: 256, cpus: 1, image, from: { kind: 'kernel' }, disks: [], folder, bootTimeoutMs: 300 } as const

  const start = startVm({
    ...options,
    signal,
    onStarted: async started => {
      pid = started
    },
  })

  await assert.rejects(start, { code: 'machine.start-failed', message: /did not answer within 300 ms/ })
  assert.equal(identityOf(pid), undefined)
  await rm(folder, { recursive: true })
})

test('a start that is cancelled leaves nothing', { skip }, async () => {
  const signal = AbortSignal.timeout(120_000)
  await using _ = await heavy(signal)
  const folder = await mkdtemp(join(tmpdir(), 'instar-cancel-'))
  const runtimeDir = join(folder, 'run')
  const cancel = new AbortController()

  const opening = openAppliance({ cacheDir: CACHE_DIR, runtimeDir, disks: [], signal: cancel.signal })
  const refused = assert.rejects(opening, { message: 'changed my mind' })
  while (!(await qemuIn(runtimeDir).catch(() => undefined))) await sleep(5, undefined, { signal })
  cancel.abort(new Error('changed my mind'))

  await refused
  assert.deepEqual(await readdir(runtimeDir), [])
  await rm(folder, { recursive: true })
})

test('a disk that another process has open is refused at the start', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'instar-taken-'))
  const file = join(folder, 'disk')
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', file, '100M'])
  const disk = { file, format: 'qcow2', readOnly: false } as const
  await using first = await openTestAppliance({ disks: [disk] })

  const second = openAppliance({ cacheDir: CACHE_DIR, runtimeDir: join(folder, 'run'), disks: [disk], signal: first.signal })

  await assert.rejects(second, { code: 'machine.disk-refused', message: /lock/ })
  await rm(folder, { recursive: true })
})
