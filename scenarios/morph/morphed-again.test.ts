import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { buildGuest, heavy, requires } from '@instar/fixtures'
import { hashFile } from '@instar/machine'
import { Instar, readEvents } from '../runner/instar.ts'

const skip = requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env)
const signal = AbortSignal.timeout(600_000)
const workDir = mkdtempSync(join(tmpdir(), 'instar-again-'))
after(() => rmSync(workDir, { recursive: true, force: true }))

test('an image that is morphed already stays as it is, byte for byte, until a script runs that might change it', { skip }, async () => {
  const image = join(workDir, 'guest.qcow2')
  const copy = join(workDir, 'new.qcow2')
  const script = join(workDir, 'looks.sh')
  writeFileSync(script, 'ls "$1"\n')
  const instar = new Instar(join(workDir, 'state'), signal)
  const guest = await buildGuest({ variant: 'ext4', cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', signal })
  copyFileSync(guest.file, image)
  await using _turn = await heavy(signal)

  const first = await instar.run('morph', image)
  const morphed = await hashFile(image, signal)
  const again = await instar.run('morph', image, '--json')

  assert.deepEqual([first.exitCode, again.exitCode], [0, 0], again.stderr)
  assert.notEqual(morphed, await hashFile(guest.file, signal))
  assert.equal(await hashFile(image, signal), morphed)
  assert.match(readEvents(again.stdout).at(-1)?.message ?? '', /^files changed: 0\nwritten: nothing, as nothing was changed$/m)
  assert.deepEqual(readdirSync(workDir).toSorted(), ['guest.qcow2', 'looks.sh', 'state'], 'neither layer nor journal is left')

  const asNew = await instar.run('morph', image, '--output', copy)
  assert.equal(asNew.exitCode, 0, asNew.stderr)
  assert.match(asNew.stdout, /^written: .*new\.qcow2$/m)

  const withScript = await instar.run('morph', image, '--script', script)
  assert.equal(withScript.exitCode, 0, withScript.stderr)
  assert.notEqual(await hashFile(image, signal), morphed)
})
