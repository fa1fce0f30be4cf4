import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, symlink, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { requires } from '@instar/fixtures'
import { provideImage } from '../../packages/machine/src/appliance/image/build.ts'
import { CACHE_DIR, openTestAppliance } from './open-test-appliance.ts'

// Emulated appliances go on from a snapshot of one that has booted.

const skip = requires(['qemu', 'mmdebstrap', 'e2fsprogs'], process.env)
const RANDOM = 'cat /proc/sys/kernel/random/boot_id; head -c 32 /dev/urandom | base64'

test('machines out of one snapshot share no random numbers and no files, and know the time', { skip }, async () => {
  const seen: { random: string; files: string; secondsOff: number }[] = []
  for (const _ of [1, 2]) {
    await using appliance = await openTestAppliance({ accel: 'tcg' })
    const { say } = appliance
    const random = await say(RANDOM)
    const files = await say('ls /root /tmp; touch /root/mine /tmp/mine; sync')
    seen.push({ random, files, secondsOff: Math.abs(Number(await say('date +%s')) - Date.now() / 1000) })
  }

  const [first, second] = seen
  assert.match(first!.random, /^[0-9a-f-]{36}\n.{44}$/)
  assert.deepEqual(
    first!.random.split('\n').filter(line => second!.random.includes(line)),
    [],
  )
  assert.ok(!second!.files.includes('mine'), second!.files)
  for (const { secondsOff } of seen) assert.ok(secondsOff < 5, `${secondsOff} s`)
})

test('a snapshot that does not come to life is put aside, and the machine boots', { skip }, async () => {
  const cacheDir = await mkdtemp(join(tmpdir(), 'instar-snapshot-'))
  const signal = AbortSignal.timeout(300_000)
  const { rootImage } = await provideImage({ cacheDir: CACHE_DIR, signal, onProgress: () => {} })
  const home = join(cacheDir, basename(dirname(rootImage)))
  await mkdir(home)
  for (const name of ['root.img', 'vmlinux', 'disk-id']) await symlink(join(dirname(rootImage), name), join(home, name))
  const said: string[] = []
  const open = () => openTestAppliance({ cacheDir, accel: 'tcg', onProgress: message => void said.push(message) })
  const namesIn = async () =>
    await readdir(
      join(
        home,
        (await readdir(home)).find(name => name.startsWith('snapshot-'))!,
      ),
    )

  await open().then(appliance => appliance[Symbol.asyncDispose]())
  assert.deepEqual((await namesIn()).sort(), ['memory', 'root.qcow2', 'state'])
  await truncate(
    join(
      home,
      (await readdir(home)).find(name => name.startsWith('snapshot-'))!,
      'state',
    ),
    1000,
  )
  {
    await using appliance = await open()
    assert.match(await appliance.say('cat /proc/mounts'), /^\/dev\/root \/ |nvme0n1p1 \/ /m)
  }

  assert.deepEqual(await namesIn(), ['useless'])
  assert.equal(said.filter(message => message.includes('for all later starts')).length, 1)
  await rm(cacheDir, { recursive: true })
})
