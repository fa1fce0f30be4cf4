import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InstarError } from '@instar/contract'
import { heldMachinesOf, keepMachines } from './keep-machines.ts'
import type { PoolHalf } from './providers/pool-half.ts'
import type { Provider } from './providers/provider.ts'
import { simulator } from './providers/simulator/simulator.ts'
import { openMoves, signal, silent, type Moves } from './testing/simulated-moves.fixture.ts'
import { addPool, allocate, deallocate, eventsOf, minionsOf, untilMinions } from './testing/simulated-pool.fixture.ts'
import { startTestWorker } from './testing/test-worker.fixture.ts'
import { waitFor } from './testing/wait-for.fixture.ts'

const READY = 'AVAILABLE POWERED_ON'
const TASKS_ON_MINION = /OSMORPHING_MINION|OS_MORPHING/

interface Held {
  /** What lives in the worker. */
  readonly here: Set<string>
  /** A machine that lives there ends by itself. */
  readonly crash: (key: string) => void
}

/** The simulator with machines of pools that live in the worker. */
function heldSimulator(): Held & { readonly provider: Provider } {
  const here = new Set<string>()
  let tellLost = () => {}
  const require = (key: string) => {
    if (!here.has(key)) throw new InstarError('provider.failed', `minion machine ${key} is not here`)
  }
  const half: PoolHalf<unknown, unknown> = {
    ...(simulator.destinationPool as PoolHalf<unknown, unknown>),
    held: {
      keys: () => [...here],
      end: async keys => keys.forEach(key => here.delete(key)),
      onLost: tell => {
        tellLost = tell
        return { [Symbol.dispose]: () => (tellLost = () => {}) }
      },
    },
    createMachine: async ({ key }) => {
      here.add(key)
      return { providerProperties: { minion_id: key }, connectionInfo: {} }
    },
    deleteMachine: async ({ key }) => void here.delete(key),
    checkHealth: async ({ key }) => require(key),
    powerOn: async ({ key }) => void here.add(key),
    powerOff: async ({ key }) => void here.delete(key),
    checkFits: async ({ key }) => require(key),
    attachInstance: async ({ key }, { instanceInfo }) => {
      require(key)
      return instanceInfo
    },
    detachInstance: async (_call, { instanceInfo }) => instanceInfo,
  }
  const { sourcePool: _none, ...rest } = simulator as Provider
  const crash = (key: string) => {
    here.delete(key)
    tellLost()
  }
  return { provider: { ...rest, destinationPool: half }, here, crash }
}

/** A worker with its keeper, as `runWorkerRole` has them. */
function startKeptWorker(moves: Moves, host: string, lookMs = 200): AsyncDisposable & Held {
  const { provider, here, crash } = heldSimulator()
  const worker = startTestWorker(moves, undefined, { host, provider })
  const ending = new AbortController()
  const keeping = keepMachines({ held: heldMachinesOf([provider]), pools: moves.pools, host, log: silent, lookMs }, ending.signal)
  return {
    here,
    crash,
    [Symbol.asyncDispose]: async () => {
      await worker[Symbol.asyncDispose]()
      ending.abort()
      await keeping
    },
  }
}

const holders = async ({ store }: Moves, pool: string) => {
  const rows = await store.db.selectFrom('minion_machines').select(['id', 'held_by']).where('pool_id', '=', pool).execute()
  return new Map(rows.map(({ id, held_by }) => [id, held_by]))
}

async function morphOn(moves: Moves, pool: string): Promise<{ state: string; hosts: Set<string | null> }> {
  const transfer = await moves.addTransfer(['vm-00001'])
  await moves.end(await moves.start(transfer, 'transfer_execution'))
  const wanted = [{ poolId: pool, instance: 'vm-00001', role: 'osmorphing' as const }]
  const id = await moves.start(await moves.addDeployment(transfer), 'deployment', { wanted })
  const { state } = await moves.end(id)
  const tasks = await moves.store.db.selectFrom('tasks').select(['type', 'host']).where('execution_id', '=', id).execute()
  const onMinion = tasks.filter(({ type }) => TASKS_ON_MINION.test(type) && !type.startsWith('RELEASE'))
  return { state, hosts: new Set(onMinion.map(({ host }) => host)) }
}

test('all work on a machine that lives in a worker is done by that worker', async () => {
  await using moves = await openMoves()
  await using a = startKeptWorker(moves, 'a')
  await using b = startKeptWorker(moves, 'b')
  const pool = await addPool(moves, { minimum: 3, maximum: 3 })

  assert.equal(await allocate(moves, pool), 'ALLOCATED')
  const held = await holders(moves, pool)
  for (const [id, host] of held) assert.ok((host === 'a' ? a : b).here.has(id), `${id} is held by ${host}`)
  for (let round = 0; round < 3; round += 1) {
    const { state, hosts } = await morphOn(moves, pool)
    assert.equal(state, 'completed')
    assert.equal(hosts.size, 1, [...hosts].join())
  }
  await untilMinions(moves, pool, [READY, READY, READY])

  assert.equal(await deallocate(moves, pool), 'DEALLOCATED')
  assert.deepEqual([...a.here, ...b.here], [])
})

test('machines whose worker ended are made anew by another', async () => {
  await using moves = await openMoves()
  const a = startKeptWorker(moves, 'a')
  const pool = await addPool(moves, { minimum: 2, maximum: 2 })
  await allocate(moves, pool)
  const before = await holders(moves, pool)
  await using b = startKeptWorker(moves, 'b')
  await a[Symbol.asyncDispose]()
  assert.deepEqual([...a.here], [])

  await waitFor(async () => (b.here.size === 2 ? true : undefined), 'machines in the other worker')
  await untilMinions(moves, pool, [READY, READY])

  assert.deepEqual(await holders(moves, pool), new Map([...before.keys()].map(id => [id, 'b'])))
  assert.ok((await eventsOf(moves, pool)).some(message => message.endsWith('which lived inside the worker a, is gone')))
  await deallocate(moves, pool)
})

test('a worker that comes back under its name makes its machines anew, and one that was taken for dead ends them', async () => {
  await using moves = await openMoves()
  await using a = startKeptWorker(moves, 'a')
  const pool = await addPool(moves)
  await allocate(moves, pool)
  const [id] = (await holders(moves, pool)).keys()

  a.here.clear()
  await waitFor(async () => (a.here.has(id!) ? true : undefined), 'the machine to be made again')
  await untilMinions(moves, pool, [READY])
  await moves.store.db.updateTable('minion_machines').set({ held_by: 'another', allocation_status: 'IN_USE' }).execute()
  await waitFor(async () => (a.here.size === 0 ? true : undefined), 'the machine to be ended')
  assert.deepEqual(await minionsOf(moves, pool), ['IN_USE POWERED_ON'])
})

test('an idle machine that ends by itself is made anew when its worker hears of it', async () => {
  await using moves = await openMoves()
  await using a = startKeptWorker(moves, 'a', 600_000)
  const pool = await addPool(moves)
  await allocate(moves, pool)
  const [id] = (await holders(moves, pool)).keys()

  a.crash(id!)

  await waitFor(async () => (a.here.has(id!) ? true : undefined), 'the machine to be made again')
  await untilMinions(moves, pool, [READY])
  await deallocate(moves, pool)
})

test('a machine that is switched off is held by nobody, and switched on where it is needed', async () => {
  await using moves = await openMoves()
  const a = startKeptWorker(moves, 'a')
  const pool = await addPool(moves, { minimum: 1, maximum: 2, maxIdleS: 1, retention: 'poweroff' })
  await allocate(moves, pool)
  const [first] = (await holders(moves, pool)).keys()
  await moves.store.db.updateTable('minion_pools').set({ minimum_minions: 0 }).where('id', '=', pool).execute()
  const last_used_at = new Date(0)
  await moves.store.db.updateTable('minion_machines').set({ last_used_at }).where('pool_id', '=', pool).execute()
  await moves.store.transact(trx => moves.pools.refresh(trx, pool), signal)
  await untilMinions(moves, pool, ['AVAILABLE POWERED_OFF'])
  assert.deepEqual(await holders(moves, pool), new Map([[first, null]]))

  await a[Symbol.asyncDispose]()
  await using b = startKeptWorker(moves, 'b')
  const { state, hosts } = await morphOn(moves, pool)

  assert.deepEqual([state, [...hosts]], ['completed', ['b']])
  assert.ok(b.here.has(first!))
  await deallocate(moves, pool)
})

test('what an attempt that was cut off says of a machine is refused', async () => {
  await using moves = await openMoves()
  await using _a = startKeptWorker(moves, 'a')
  const pool = await addPool(moves)
  await allocate(moves, pool)
  const task = await moves.store.db
    .selectFrom('tasks')
    .select(['id', 'execution_id', 'instance', 'attempt'])
    .where('type', '=', 'CREATE_DESTINATION_MINION_MACHINE')
    .executeTakeFirstOrThrow()

  // The undo of an attempt that was taken over would wipe out the machine that the next attempt made.
  const by = { taskId: task.id, executionId: task.execution_id, attempt: task.attempt }
  await assert.rejects(moves.pools.records.saveMinion(task.instance, { by, details: null }, signal), { code: 'engine.attempt-lost' })

  assert.deepEqual(await minionsOf(moves, pool), [READY])
  await deallocate(moves, pool)
})
