import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { heavy, requires } from '@instar/fixtures'
import { testProvider } from '@instar/worker/provider-suite'
import { makeDiskImages } from '../../packages/worker/src/providers/disk-images/disk-images.fixture.ts'
import { WarmAppliances } from '../../packages/worker/src/providers/disk-images/warm-appliances.ts'
import { qemuImg } from '../../packages/worker/src/replication/replication.fixture.ts'
import { qemuPids } from '../kill/leftovers.ts'

// What every provider must pass, for pools of real appliances, and what only they have.

const skip = requires(['qemu', 'mmdebstrap', 'e2fsprogs'], process.env)
const signal = AbortSignal.timeout(300_000)
const cacheDir = process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar'

describe('warm appliances', { skip, concurrency: false }, () => {
  let turn: AsyncDisposable
  const folder = skip === false ? mkdtempSync(join(tmpdir(), 'instar-warm-')) : ''
  const paths = { cacheDir, runtimeDir: join(folder, 'state', 'runtime') }
  const images = join(folder, 'images')
  before(async () => {
    turn = await heavy(signal)
  })
  after(async () => {
    await turn?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })
  const pids = () => qemuPids(join(folder, 'state'))

  if (skip === false) {
    mkdirSync(images)
    const fixture = makeDiskImages(images, paths)
    testProvider({
      ...fixture,
      pool: { environment: { accel: 'tcg' } },
      listThings: async () => [...(await fixture.listThings()), ...pids().map(String)],
      contentOf: async thing => (thing.startsWith('/') ? ((await fixture.contentOf?.(thing)) ?? '') : ''),
    })
  }

  const settings = { accel: 'tcg', signal } as const
  const makeDisk = (name: string) => {
    const file = join(folder, `${name}.qcow2`)
    qemuImg('create', '-q', '-f', 'qcow2', file, '16M')
    return [{ file, format: 'qcow2', readOnly: false }] as const
  }

  test('give each owner of disks a machine that nobody used before', async () => {
    const warm = new WarmAppliances(paths)
    await warm.start('m', settings)
    const [first] = pids()
    await warm.plug('m', { owner: 'a', disks: makeDisk('a'), signal })
    assert.ok(warm.isReadyFor('m', 'a'))
    const machine = warm.use('m', 'a')
    await machine.run(['sh', '-c', 'echo secret >/tmp/of-a; echo of-a | dd of="$0" conv=notrunc', machine.devices[0]!], { signal })
    assert.ok(!warm.isReadyFor('m', 'a'))
    await assert.rejects(warm.requireFresh('m', signal), { code: 'provider.failed', message: /was used and not replaced/ })

    await warm.plug('m', { owner: 'b', disks: makeDisk('b'), signal })

    assert.throws(() => warm.use('m', 'a'), { code: 'provider.failed' })
    const other = warm.use('m', 'b')
    assert.notEqual(pids()[0], first)
    assert.equal(await other.read('/tmp/of-a', { signal }), undefined)
    assert.equal(other.devices.length, 1)
    await warm.unplug('m')
    await warm.renew('m', signal)
    await warm.requireFresh('m', signal)
    await warm.end(warm.keys())
    assert.deepEqual([warm.keys(), pids()], [[], []])
    const written = qemuImg('convert', '-f', 'qcow2', '-O', 'raw', join(folder, 'a.qcow2'), join(folder, 'a.raw'))
    assert.equal(written, '')
    assert.equal(readFileSync(join(folder, 'a.raw')).subarray(0, 5).toString(), 'of-a\n')
  })

  test('tell at once that an idle one has died, and leave nothing of it', async () => {
    const warm = new WarmAppliances(paths)
    await warm.start('m', settings)
    const lost = Promise.withResolvers<void>()
    using _telling = warm.onLost(lost.resolve)
    const [pid] = pids()
    process.kill(pid!, 'SIGKILL')

    await lost.promise
    assert.deepEqual([warm.keys(), readdirSync(paths.runtimeDir)], [[], []])
    await assert.rejects(warm.requireFresh('m', signal), { code: 'provider.failed', message: /is not here/ })
    await warm.start('m', settings)
    await warm.requireFresh('m', signal)
    await warm.stop('m')
    await assert.rejects(warm.requireFresh('m', signal), { message: /is not here/ })
    await sleep(0)
    assert.deepEqual(pids(), [])
  })
})
