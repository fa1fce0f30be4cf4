import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT_PASSWORD, buildGuest, heavy, requires } from '@instar/fixtures'
import { bootReplica, hashFile, requireVerdict } from '@instar/machine'

const skip = requires(['root', 'qemu', 'mmdebstrap'], process.env)
const signal = AbortSignal.timeout(540_000)

test('a real Debian boots, takes what is typed at its console, and speaks through the first-boot port', { skip }, async () => {
  const guest = await buildGuest({ variant: 'ext4', cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', signal })
  const folder = mkdtempSync(join(tmpdir(), 'instar-replica-'))
  const before = await hashFile(guest.file, signal)
  const command = 'ls /dev/virtio-ports; echo "result of $((6 * 7))" > /dev/virtio-ports/org.instar.firstboot\n'

  await using _turn = await heavy(signal)

  const result = await bootReplica({
    disks: guest.disks.map(file => ({ file, format: guest.format })),
    firmware: guest.firmware,
    bus: 'virtio',
    memoryMiB: 512,
    accel: 'tcg',
    runtimeDir: folder,
    timeoutMs: 240_000,
    signal,
    answers: [
      { prompt: ' login: ', send: 'root\n' },
      { prompt: 'Password: ', send: `${ROOT_PASSWORD}\n` },
      { prompt: '~# ', send: command },
    ],
    until: ({ port }) => (port.endsWith('\n') ? port.trim() : undefined),
  })

  assert.equal(requireVerdict(result), 'result of 42')
  assert.match(result.console, new RegExp(guest.consoleMark))
  assert.equal(await hashFile(guest.file, signal), before)
  rmSync(folder, { recursive: true })
})
