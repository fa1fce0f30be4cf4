import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { requires } from '@instar/fixtures'
import type { ReplicaRequest } from '@instar/machine'
import { bootReplica, requireVerdict } from '@instar/machine'
import { bootSectorDisk } from './boot-sector.ts'

// A boot sector of our own that counts its boots on its disk, prints the number, and restarts once: a guest that boots in a fifth of a second.
const skip = requires(['qemu'], process.env)
const signal = new AbortController().signal
let folder: string
let disk: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'instar-replica-'))
  disk = join(folder, 'json:{"a, b"}.raw')
})
afterEach(() => rmSync(folder, { recursive: true }))

function replica(more: Partial<ReplicaRequest<string>>): ReplicaRequest<string> {
  return {
    disks: [{ file: disk, format: 'raw' }],
    firmware: 'bios',
    bus: 'virtio',
    memoryMiB: 128,
    accel: 'tcg',
    runtimeDir: join(folder, 'run'),
    timeoutMs: 60_000,
    signal,
    until: () => undefined,
    ...more,
  }
}

const secondBoot = ({ console }: { console: string }) => (console.includes('hello 2') ? 'came up' : undefined)

for (const bus of ['virtio', 'nvme'] as const) {
  test(`boots on ${bus}, through the guest's own restart, and leaves the image as it was`, { skip }, async () => {
    writeFileSync(disk, bootSectorDisk('hello ', 'halt'))
    const before = readFileSync(disk)
    let heard = ''

    const result = await bootReplica(replica({ bus, until: secondBoot, onConsole: text => (heard += text) }))

    assert.equal(requireVerdict(result), 'came up')
    assert.equal(result.reboots, 1)
    assert.match(result.console, /hello 1[\s\S]*hello 2/)
    assert.equal(heard, result.console)
    assert.deepEqual(readFileSync(disk), before)
    assert.deepEqual(readdirSync(join(folder, 'run')), [])
  })
}

test('keeps what the guest wrote when asked, so that the boot after a power cut goes on from it', { skip }, async () => {
  writeFileSync(disk, bootSectorDisk('hello ', 'halt', 1))
  const before = readFileSync(disk)
  const keepChanges = join(folder, 'kept')

  const first = await bootReplica(replica({ keepChanges, until: ({ console }) => (console.includes('hello 1') ? 'cut' : undefined) }))
  const second = await bootReplica(replica({ keepChanges, until: ({ console }) => /hello [23]/.exec(console)?.[0] }))

  assert.equal(first.verdict, 'cut')
  assert.equal(first.qemu.signal, 'SIGKILL')
  assert.equal(second.verdict, 'hello 2')
  assert.deepEqual(readFileSync(disk), before)
  writeFileSync(disk, bootSectorDisk('other ', 'halt'))
  await assert.rejects(bootReplica(replica({ keepChanges })), { code: 'image.changed' })
})

test('a guest that switches itself off has ended, and its last words count', { skip }, async () => {
  writeFileSync(disk, bootSectorDisk('hello ', 'power-off'))

  const result = await bootReplica(replica({ until: () => undefined }))
  const withWords = await bootReplica(replica({ until: secondBoot }))

  assert.equal(result.ended, 'poweroff')
  assert.throws(() => requireVerdict(result), { code: 'replica.failed', message: /switched itself off/ })
  assert.equal(withWords.verdict, 'came up')
})

test('a guest that says nothing more runs into the time limit, and the error shows its console', { skip }, async () => {
  writeFileSync(disk, bootSectorDisk('hello ', 'halt'))

  const result = await bootReplica(replica({ timeoutMs: 3000 }))

  assert.equal(result.ended, 'timeout')
  assert.throws(
    () => requireVerdict(result),
    (error: { code?: string; details?: { console_tail?: string } }) => {
      assert.equal(error.code, 'replica.timeout')
      assert.match(error.details?.console_tail ?? '', /hello 2/)
      return true
    },
  )
})

test('a disk that does not boot is told at once, not at the time limit', { skip }, async () => {
  writeFileSync(disk, Buffer.alloc(1024 * 1024))

  const result = await bootReplica(replica({}))

  assert.equal(result.ended, 'failure')
  assert.equal(result.failure?.kind, 'no-bootable-device')
  assert.throws(() => requireVerdict(result), { code: 'replica.failed', message: /No bootable device/ })
})

test('so is one that UEFI cannot boot', { skip }, async () => {
  writeFileSync(disk, Buffer.alloc(1024 * 1024))

  const result = await bootReplica(replica({ firmware: 'uefi', memoryMiB: 256, timeoutMs: 120_000 }))

  assert.equal(result.failure?.kind, 'no-bootable-device', result.console.slice(-2000))
})

test('a cancel ends the boot, and leaves no process and no file', { skip }, async () => {
  writeFileSync(disk, bootSectorDisk('hello ', 'halt'))
  const stop = new AbortController()

  const booting = bootReplica(replica({ signal: stop.signal, onConsole: () => stop.abort(new Error('by the user')) }))

  await assert.rejects(booting, /by the user/)
  assert.deepEqual(readdirSync(join(folder, 'run')), [])
  assert.deepEqual(processesNaming(folder), [])
})

test('what the caller throws while it watches ends the boot too', { skip }, async () => {
  writeFileSync(disk, bootSectorDisk('hello ', 'halt'))
  const boots = [
    replica({ until: ({ console }) => (console === '' ? undefined : assert.fail('bad judge')) }),
    replica({ onConsole: () => assert.fail('bad listener') }),
  ]

  for (const request of boots) await assert.rejects(bootReplica(request), { name: 'AssertionError' })

  assert.deepEqual(processesNaming(folder), [])
})

test('an image with a reference to elsewhere is refused before QEMU sees it', { skip }, async () => {
  writeFileSync(disk, '# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 8 FLAT "/etc/passwd" 0\n')

  await assert.rejects(bootReplica(replica({ disks: [{ file: disk }] })), { code: 'image.backing-refused' })
})

function processesNaming(text: string): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text)
      } catch {
        return false
      }
    })
}
