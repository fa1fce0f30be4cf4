import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countDeadlocks } from '@instar/store/testing'
import { openMoves, type Moves } from '../testing/simulated-moves.fixture.ts'
import { addPool, allocate, deallocate, refresh } from '../testing/simulated-pool.fixture.ts'
import { startTestWorker } from '../testing/test-worker.fixture.ts'

const ROUNDS = 2
const MACHINES = ['vm-00001', 'vm-00002', 'vm-00003']

test('ends of pool work at the same time, with limits, never wait for each other in a circle', async () => {
  await using moves = await openMoves({ machines: 20, limits: { perEndpoint: 4, perProject: 6 } })
  await using _one = startTestWorker(moves)
  await using _two = startTestWorker(moves)
  await using _three = startTestWorker(moves)
  const settings = { minimum: 3, maximum: 20, maxIdleS: 3600 }
  const [one, two, origin] = await Promise.all([
    addPool(moves, settings),
    addPool(moves, settings),
    addPool(moves, { ...settings, platform: 'source' }),
  ])
  const pools = [one, two, origin]
  await Promise.all(pools.map(pool => allocate(moves, pool)))

  for (let round = 0; round < ROUNDS; round += 1) {
    const moved = [one, two].map(destination => runOn(moves, { origin, destination }))
    const refreshed = pools.map(pool => refresh(moves, pool))
    assert.deepEqual(await Promise.all(moved), ['completed', 'completed'])
    await Promise.all(refreshed)
  }
  // In the middle of what a last refresh has begun.
  await Promise.all(pools.map(pool => refresh(moves, pool)))
  assert.deepEqual(await Promise.all(pools.map(pool => deallocate(moves, pool, true))), Array(3).fill('DEALLOCATED'))

  assert.equal(await countDeadlocks(moves.store), 0)
})

/** A transfer of some machines on minions of both pools; answers how it ended. */
async function runOn(moves: Moves, { origin, destination }: { origin: string; destination: string }): Promise<string> {
  const transfer = await moves.addTransfer(MACHINES)
  const wanted = MACHINES.flatMap(instance => [
    { poolId: origin, instance, role: 'origin' as const },
    { poolId: destination, instance, role: 'destination' as const },
  ])
  const { state } = await moves.end(await moves.start(transfer, 'transfer_execution', { wanted }))
  return state
}
