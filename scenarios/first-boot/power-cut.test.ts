import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildGuest, heavy, requires, type Guest } from '@instar/fixtures'
import { bootReplica, requireVerdict } from '@instar/machine'
import { parseFirstBootResults } from '@instar/phases'
import { Instar } from '../runner/instar.ts'

const skip = requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env)
const LIMIT_MS = 900_000
const BOOT_LIMIT_MS = 300_000

/** In the order of their run. The third never ends by itself: the test cuts the power while it runs. */
const SCRIPTS = {
  'first.sh': 'echo first >>/root/ran',
  'restart.sh': 'echo restart >>/root/ran; exit 194',
  'cut.sh': 'echo cut >>/root/ran; sync; echo POWER-IS-CUT-HERE >/dev/console; sleep 600',
  'last.sh': 'echo last >>/root/ran; cat /root/ran',
}

test('first-boot scripts survive a restart they ask for and a power cut, each is run once, and nothing is repeated', { skip }, async () => {
  const signal = AbortSignal.timeout(LIMIT_MS)
  const work = mkdtempSync(join(tmpdir(), 'instar-first-boot-'))
  const guest = await buildGuest({ variant: 'ext4', cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', signal })
  await using _turn = await heavy(signal)
  const image = join(work, 'guest.qcow2')
  copyFileSync(guest.file, image)
  const morph = await new Instar(join(work, 'state'), signal).run('morph', image, ...scriptFlags(work))
  assert.equal(morph.exitCode, 0, morph.stderr)
  const boot = (until: Parameters<typeof bootReplica<string>>[0]['until']) =>
    bootReplica<string>({ ...replica(guest, image), runtimeDir: work, keepChanges: join(work, 'kept'), signal, until })

  const cut = await boot(({ console }) => (console.includes('POWER-IS-CUT-HERE') ? 'cut' : undefined))
  const after = await boot(({ port }) => (parseFirstBootResults(port).ends.length > 0 ? 'ended' : undefined))

  assert.equal(requireVerdict(cut), 'cut')
  assert.equal(cut.reboots, 1)
  assert.equal(requireVerdict(after), 'ended')
  const before = parseFirstBootResults(cut.portText)
  const { results, ends } = parseFirstBootResults(after.portText)
  assert.deepEqual(
    before.results.map(({ run }) => [run.name, run.exit_code]),
    [
      ['first.sh', 0],
      ['restart.sh', 194],
    ],
  )
  assert.deepEqual(
    results.filter(({ run }) => run.order > 2).map(({ run }) => [run.name, run.exit_code, run.interrupted]),
    [
      ['cut.sh', null, true],
      ['last.sh', 0, false],
    ],
  )
  assert.equal(results.at(-1)?.output.toString(), 'first\nrestart\ncut\nlast\n')
  assert.deepEqual({ state: ends[0]?.state, boots: ends[0]?.boots, failed: ends[0]?.failed }, { state: 'complete', boots: 3, failed: 1 })
  rmSync(work, { recursive: true })
})

function scriptFlags(work: string): string[] {
  return Object.entries(SCRIPTS).flatMap(([name, text]) => {
    writeFileSync(join(work, name), `${text}\n`)
    return ['--script', `${join(work, name)},phase=replica_first_boot,on-failure=continue`]
  })
}

function replica(guest: Guest, image: string) {
  return {
    disks: [{ file: image, format: guest.format }],
    firmware: guest.firmware,
    bus: 'virtio',
    memoryMiB: 512,
    accel: 'tcg',
    timeoutMs: BOOT_LIMIT_MS,
  } as const
}
