import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { requires } from '@instar/fixtures'
import { bootSectorDisk } from './boot-sector.ts'

const skip = requires(['root', 'qemu'], process.env)

test('a host disk that is full ends the boot and is said so, where QEMU would only stop the guest', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'instar-replica-'))
  const disk = join(folder, 'disk.raw')
  writeFileSync(disk, bootSectorDisk('hello ', 'halt'))
  const boot = `
    const { bootReplica } = await import('@instar/machine')
    await bootReplica({ disks: [{ file: ${JSON.stringify(disk)}, format: 'raw' }], firmware: 'bios', bus: 'virtio', memoryMiB: 128, accel: 'tcg',
      runtimeDir: ${JSON.stringify(join(folder, 'small'))}, timeoutMs: 60000, signal: AbortSignal.timeout(60000), until: () => undefined })
      .catch(error => console.log(error.code, error.message))`

  // A namespace of its own: the host sees nothing of the mount.
  const script = 'mkdir "$1/small" && mount -t tmpfs -o size=300k none "$1/small" && exec "$2" --input-type=module -e "$3"'
  const { stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', script, '-', folder, process.execPath, boot], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
    timeout: 120_000,
  })

  assert.match(stdout, /^image\.no-space the file system of .*small.* is full/, stderr)
  rmSync(folder, { recursive: true })
})
