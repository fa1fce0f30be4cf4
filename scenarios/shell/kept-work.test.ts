import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildGuest, heavy, requires } from '@instar/fixtures'
import { Instar } from '../runner/instar.ts'

// What failed runs kept stays until its user removes it, and stands in nobody's way.

describe('kept work', { skip: requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env), concurrency: false }, () => {
  const signal = AbortSignal.timeout(600_000)
  const workDir = mkdtempSync(join(tmpdir(), 'instar-kept-'))
  const image = join(workDir, 'guest.qcow2')
  const instar = new Instar(join(workDir, 'state'), signal)
  const runs: string[] = []
  let turn: AsyncDisposable | undefined

  before(async () => {
    const guest = await buildGuest({ variant: 'ext4', cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', signal })
    turn = await heavy(signal)
    copyFileSync(guest.file, image)
    writeFileSync(join(workDir, 'fails.sh'), '#!/bin/sh\necho "$INSTAR_RUN_ID" >"$1/root/by"\nexit 7\n')
  })
  after(async () => {
    await turn?.[Symbol.asyncDispose]()
    rmSync(workDir, { recursive: true, force: true })
  })

  const enter = () => instar.run('shell', image, '--command', 'cat /mnt/guest/root/by')
  const discard = (run: string) => `to remove it: instar run discard ${run}`

  test('of two failed runs the later one is entered, and the earlier one is told of by both', async () => {
    for (let count = 0; count < 2; count += 1) {
      const { exitCode, stdout, stderr } = await instar.run('morph', image, '--script', join(workDir, 'fails.sh'), '--keep-on-error')
      assert.equal(exitCode, 4, stderr)
      const { run } = (await instar.lastRun()) ?? assert.fail('there is no record')
      for (const earlier of runs) assert.ok(stdout.includes(discard(earlier)), stdout)
      runs.push(run.id)
    }

    const { stdout, stderr } = await enter()

    assert.equal(stdout, `${runs[1]}\n`)
    assert.ok(stderr.includes(discard(runs[0]!)), stderr)
    assert.ok(!stderr.includes(discard(runs[1]!)), stderr)
  })

  test('of a changed image the image itself is entered, and each stale layer told of', async () => {
    utimesSync(image, new Date(), new Date())

    const { exitCode, stdout, stderr } = await enter()
    const resumed = await instar.run('morph', '--resume', runs[1]!)

    assert.deepEqual([exitCode, stdout], [1, ''], stderr)
    for (const run of runs)
      assert.match(stderr, new RegExp(`^! the work that run ${run} kept in .* no longer fits: .*discard ${run}$`, 'm'))
    assert.match(stderr, /^! the image itself is shown/m)
    assert.equal(resumed.exitCode, 3)
    assert.ok(resumed.stderr.includes(`instar run discard ${runs[1]}`), resumed.stderr)
  })

  test('it is removed on request, and nothing of it is left', async () => {
    const removed = await instar.run('run', 'discard', ...runs)
    const again = await instar.run('run', 'discard', runs[0]!)
    const { stderr } = await enter()

    assert.equal(removed.stdout, runs.map(run => `run ${run}: 1 kept layer removed\n`).join(''))
    assert.deepEqual([again.exitCode, again.stdout], [0, `run ${runs[0]} keeps nothing\n`])
    assert.doesNotMatch(stderr, /^!/m)
    assert.deepEqual(readdirSync(workDir).sort(), ['fails.sh', 'guest.qcow2', 'state'])
    assert.match((await instar.run('morph', '--resume', runs[0]!)).stderr, /kept no layer/)
  })
})
