import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildGuest, heavy, requires } from '@instar/fixtures'
import { hashFile } from '@instar/machine'
import { Instar } from '../runner/instar.ts'

const skip = requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env)
const signal = AbortSignal.timeout(600_000)
const workDir = mkdtempSync(join(tmpdir(), 'instar-resume-'))
const image = join(workDir, 'guest.qcow2')
const instar = new Instar(join(workDir, 'state'), signal)

before(async () => {
  if (skip !== false) return
  const guest = await buildGuest({ variant: 'ext4', cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', signal })
  copyFileSync(guest.file, image)
})
after(() => rmSync(workDir, { recursive: true, force: true }))

function script(name: string, text: string): string {
  writeFileSync(join(workDir, name), `#!/bin/sh\n${text}\n`)
  return join(workDir, name)
}

test('a failed run goes on from the script that failed, once it is repaired, on the kept layer', { skip }, async () => {
  await using _turn = await heavy(signal)
  const hash = await hashFile(image, signal)
  const before = script('1-opens.sh', 'echo opened')
  const first = script('2-writes.sh', 'echo once >>"$1/var/written"')
  const second = script('3-fails.sh', 'exit 7')
  const flags = ['--script', `${before},phase=osmorphing_pre_os_mount`, '--script', first, '--script', second]

  const failed = await instar.run('morph', image, ...flags, '--keep-on-error')
  assert.equal(failed.exitCode, 4, failed.stderr)
  assert.equal(await hashFile(image, signal), hash)
  script('3-fails.sh', 'cat "$1/var/written"')
  const resumed = await instar.run('morph', '--resume', 'last')

  assert.equal(resumed.exitCode, 0, resumed.stderr)
  const { run, scripts } = (await instar.lastRun()) ?? assert.fail('there is no record')
  assert.equal(run.state, 'succeeded')
  assert.deepEqual(
    scripts.map(({ name, exit_code }) => [name, exit_code]),
    [
      ['1-opens.sh', 0],
      ['3-fails.sh', 0],
    ],
    'what pre-mount scripts opened was gone, so they ran again; what was done after the mount was kept',
  )
  assert.equal(await instar.scriptOutput('3-fails.sh', 'stdout'), 'once\n')
  assert.notEqual(await hashFile(image, signal), hash)
  assert.deepEqual(
    readdirSync(workDir).filter(name => !/^(guest\.qcow2|state|\d-.*\.sh)$/.test(name)),
    [],
  )
  const again = await instar.run('morph', '--resume', failed.stderr.match(/run show (\S+)/)?.[1] ?? '')
  assert.equal(again.exitCode, 3)
  assert.match(again.stderr, /went on already, as .* {2}\[run\.not-resumable\]/)
})
