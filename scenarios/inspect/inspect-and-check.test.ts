import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildGuest, heavy, requires } from '@instar/fixtures'
import { hashFile } from '@instar/machine'
import { Instar } from '../runner/instar.ts'

describe('instar inspect and check', { skip: requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env) }, () => {
  const signal = AbortSignal.timeout(600_000)
  const workDir = mkdtempSync(join(tmpdir(), 'instar-inspect-'))
  const instar = new Instar(join(workDir, 'state'), signal)
  const images = { fits: join(workDir, 'fits.qcow2'), poor: join(workDir, 'poor.qcow2') }
  let turn: AsyncDisposable | undefined

  before(async () => {
    const cacheDir = process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar'
    copyFileSync((await buildGuest({ variant: 'ext4', cacheDir, signal })).file, images.fits)
    copyFileSync((await buildGuest({ variant: 'no-virtio', cacheDir, signal })).file, images.poor)
    turn = await heavy(signal)
  })
  after(async () => {
    await turn?.[Symbol.asyncDispose]()
    rmSync(workDir, { recursive: true, force: true })
  })

  test('inspect tells system and storage, as text and as JSON whose every key is in snake case', async () => {
    const hash = await hashFile(images.fits, signal)

    const text = await instar.run('inspect', images.fits)
    const json = await instar.run('inspect', images.fits, '--json')

    assert.equal(text.exitCode, 0, text.stderr)
    assert.match(text.stdout, /^system: +Debian GNU\/Linux 12/m)
    assert.match(text.stdout, /^\/dev\/nvme0n1p2 +partition +600 MiB +ext4/m)
    assert.match(text.stdout, /^root \/dev\/nvme0n1p2 \(chosen\), score \d+: /m)
    const { version, system, storage } = JSON.parse(json.stdout)
    assert.deepEqual(
      [version, system.os_type, system.distribution.id, system.package_manager, system.boot_loaders[0].kind, system.initramfs_tool],
      [1, 'linux', 'debian', 'apt', 'grub2', 'initramfs-tools'],
    )
    assert.deepEqual(storage.mounts, [{ ...storage.mounts[0], mount_point: '/', device: '/dev/nvme0n1p2' }])
    const keys = [...json.stdout.matchAll(/"([^"]+)":/g)].map(([, key]) => key ?? '')
    assert.deepEqual(
      keys.filter(key => !/^[a-z][a-z0-9_]*$/.test(key)),
      [],
    )
    assert.equal(await hashFile(images.fits, signal), hash)
  })

  test('check gives its verdict line by line, and exit code 1 where the guest will not boot as it is', async () => {
    const fits = await instar.run('check', images.fits)
    const poor = await instar.run('check', images.poor, '--json')

    assert.equal(fits.exitCode, 0, fits.stderr)
    assert.match(fits.stdout, /on virtio: boots as it is: yes; after a morph: yes$/m)
    assert.equal(poor.exitCode, 1, poor.stderr)
    const { boots, boots_after_morph, lines } = JSON.parse(poor.stdout)
    assert.deepEqual([boots, boots_after_morph], ['no', 'yes'])
    assert.deepEqual(
      lines
        .filter(({ state }: { state: string }) => state === 'fatal')
        .map((line: Record<string, unknown>) => [line['area'], line['is_fixed_by_morph']]),
      [['initramfs', true]],
    )
  })
})
