import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { heavy, requires } from '@instar/fixtures'
import { qemuPids } from '../kill/leftovers.ts'
import { startProcesses } from '../simulator/processes.ts'

// Workers that hold appliances of a pool are killed at random moments while the pool is allocated, refreshed and deallocated.

const skip = requires(['qemu', 'mmdebstrap', 'e2fsprogs'], process.env)
/** `INSTAR_POOL_ROUNDS=8`: so many rounds instead, with up to three kills each. */
const ROUNDS = Number(process.env['INSTAR_POOL_ROUNDS'] ?? 2)
const MINIONS = 3
const LIMIT_MS = 120_000

interface Pool {
  readonly id: string
  readonly status: string
  readonly minion_machines: readonly { readonly allocation_status: string; readonly power_status: string }[]
}

test('whichever worker is killed when, a pool comes to as many appliances as it should have', { skip }, async t => {
  await using _turn = await heavy(AbortSignal.timeout(900_000))
  const folder = mkdtempSync(join(tmpdir(), 'instar-holders-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  await using processes = await startProcesses({ apis: 1, workers: 2, revive: true, platforms: 'disk-images' })
  const endpoint = { name: 'to', type: 'disk-images', connection_info: { folder } }
  const { id: endpoint_id } = (await processes.json<{ endpoint: { id: string } }>('POST', '/endpoints', { endpoint })).endpoint
  const minion_pool = {
    name: 'warm',
    endpoint_id,
    platform: 'destination',
    os_type: 'linux',
    environment_options: { accel: 'tcg' },
    minimum_minions: MINIONS,
    skip_allocation: true,
  }
  const { id } = (await processes.json<{ minion_pool: Pool }>('POST', '/minion_pools', { minion_pool })).minion_pool
  const act = (action: string) => processes.json('POST', `/minion_pools/${id}/actions`, { [action]: null })
  const qemus = () => qemuPids(processes.stateDir).filter(pid => existsSync(`/proc/${pid}/exe`)).length
  const until = async (what: string, fits: (pool: Pool) => boolean) => {
    for (const end = performance.now() + LIMIT_MS; ; await sleep(100)) {
      const { minion_pool: seen } = await processes.json<{ minion_pool: Pool }>('GET', `/minion_pools/${id}`)
      if (fits(seen)) return
      if (performance.now() > end) assert.fail(`${what}; ${qemus()} appliances run: ${JSON.stringify(seen)}`)
    }
  }
  const killOne = async (withinMs: number) => {
    await sleep(Math.random() * withinMs)
    const all = [...processes.workers.values()]
    all[Math.floor(Math.random() * all.length)]!.process.kill('SIGKILL')
  }
  const isWhole = ({ minion_machines: minions }: Pool) =>
    minions.filter(minion => minion.allocation_status === 'AVAILABLE' && minion.power_status === 'POWERED_ON').length === MINIONS &&
    qemus() === MINIONS

  for (let round = 0; round < ROUNDS; round += 1) {
    await act('allocate')
    await killOne(1500)
    await until('allocated', seen => seen.status === 'ALLOCATED' && isWhole(seen))
    await act('refresh')
    await killOne(300)
    // So that the kernel has ended what died with the worker.
    await sleep(1000)
    await until('whole again', isWhole)
    await act('deallocate')
    if (round % 2 === 1) await killOne(200)
    await until('deallocated', ({ status, minion_machines: minions }) => status === 'DEALLOCATED' && minions.length === 0 && qemus() === 0)
  }
  t.diagnostic(`${processes.deaths()} workers were killed`)
})
