import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openMoves, signal, type Moves } from '../testing/simulated-moves.fixture.ts'
import {
  addPool,
  allocate,
  deallocate,
  eventsOf,
  minionsOf,
  refresh,
  untilMinions,
  untilStatus,
} from '../testing/simulated-pool.fixture.ts'
import { startTestWorker } from '../testing/test-worker.fixture.ts'
import { waitFor } from '../testing/wait-for.fixture.ts'

const COMPLETED = { state: 'completed', others: {}, reasons: [] }
const READY = 'AVAILABLE POWERED_ON'

let moves: Moves
let worker: AsyncDisposable | undefined
before(async () => {
  moves = await openMoves({ machines: 20 })
  worker = startTestWorker(moves)
})
after(async () => {
  await worker?.[Symbol.asyncDispose]()
  await moves[Symbol.asyncDispose]()
})

/** Machines and shared things of pools that are on the simulated platform. */
const poolThings = async (ids: readonly string[]) => {
  const things = await moves.things(['minions', 'pool-shared'])
  return things.filter(thing => ids.some(id => thing.includes(id)))
}
const machineIds = async (poolId: string) => {
  const rows = await moves.store.db.selectFrom('minion_machines').select('id').where('pool_id', '=', poolId).execute()
  return rows.map(({ id }) => id)
}
const fault = (task: string, more: object = {}) => ({ faults: [{ task, kind: 'fail', ...more }] })

/** As if the machines had not been used for an hour. */
async function age(poolId: string): Promise<void> {
  const last_used_at = new Date(Date.now() - 3_600_000)
  await moves.store.db.updateTable('minion_machines').set({ last_used_at }).where('pool_id', '=', poolId).execute()
}

describe('a minion pool', () => {
  test('is allocated with its minimum, and deallocated to nothing', async () => {
    const pool = await addPool(moves, { minimum: 2 })

    assert.equal(await allocate(moves, pool), 'ALLOCATED')
    assert.deepEqual(await minionsOf(moves, pool), [READY, READY])
    const things = [pool, ...(await machineIds(pool))]
    assert.equal((await poolThings(things)).length, 3)

    assert.equal(await deallocate(moves, pool), 'DEALLOCATED')
    assert.deepEqual(await poolThings(things), [])
    assert.deepEqual(await minionsOf(moves, pool), [])
    assert.deepEqual(
      (await eventsOf(moves, pool)).filter(message => message.startsWith('The status')).map(message => message.split(' ').at(-1)),
      [
        'IN_MAINTENANCE',
        'VALIDATING_INPUTS',
        'ALLOCATING_SHARED_RESOURCES',
        'ALLOCATING_MACHINES',
        'ALLOCATED',
        'IN_MAINTENANCE',
        'DEALLOCATING_MACHINES',
        'DEALLOCATING_SHARED_RESOURCES',
        'DEALLOCATED',
      ],
    )
  })

  for (const when of ['before', 'after'] as const) {
    for (const task of [
      'VALIDATE_DESTINATION_MINION_POOL_ENVIRONMENT_OPTIONS',
      'SET_UP_DESTINATION_POOL_SHARED_RESOURCES',
      'CREATE_DESTINATION_MINION_MACHINE',
    ]) {
      test(`that fails ${when} ${task} leaves nothing and is in error`, async () => {
        // Of the machines only the first fails, so that the others have to be taken back.
        const pool = await addPool(moves, { minimum: 3, environment: fault(task, { when, times: 1 }) })

        const before = await moves.things(['minions', 'pool-shared'])
        assert.equal(await allocate(moves, pool), 'ERROR')
        assert.deepEqual(await moves.things(['minions', 'pool-shared']), before)
        assert.deepEqual(await minionsOf(moves, pool), [])
        assert.equal(await deallocate(moves, pool), 'DEALLOCATED')
      })
    }
  }

  test('cannot be allocated twice, nor refreshed before', async () => {
    const pool = await addPool(moves)
    await assert.rejects(refresh(moves, pool), { code: 'api.wrong-state', message: /is DEALLOCATED; to refresh it, it must be ALLOCATED/ })
    await allocate(moves, pool)
    await assert.rejects(allocate(moves, pool), { code: 'api.wrong-state' })
    await deallocate(moves, pool)
  })

  test('is deallocated by force in the middle of its allocation', async () => {
    const pool = await addPool(moves, {
      minimum: 2,
      environment: { faults: [{ task: 'CREATE_DESTINATION_MINION_MACHINE', kind: 'hang' }] },
    })
    await moves.store.transact(trx => moves.pools.allocate(trx, pool), signal)
    await untilStatus(moves, pool, ['ALLOCATING_MACHINES'])

    await assert.rejects(deallocate(moves, pool), { code: 'api.wrong-state' })
    assert.equal(await deallocate(moves, pool, true), 'DEALLOCATED')
    assert.deepEqual(await poolThings([pool]), [])
  })
})

describe('a refresh', () => {
  test('deletes machines above the minimum that were idle for too long', async () => {
    const pool = await addPool(moves, { minimum: 1, maximum: 3, maxIdleS: 60 })
    await allocate(moves, pool)
    await runOn(pool, ['vm-00001', 'vm-00002'])
    await untilMinions(moves, pool, [READY, READY])
    await refresh(moves, pool)
    await untilMinions(moves, pool, [READY, READY])

    await age(pool)
    await refresh(moves, pool)
    await untilMinions(moves, pool, [READY])
    await deallocate(moves, pool)
  })

  test('switches them off where the pool keeps them, and on again for the next use', async () => {
    const pool = await addPool(moves, { minimum: 1, maximum: 3, maxIdleS: 60, retention: 'poweroff' })
    await allocate(moves, pool)
    await runOn(pool, ['vm-00001', 'vm-00002'])
    await age(pool)
    await refresh(moves, pool)
    await until(async () => (await minionsOf(moves, pool)).includes('AVAILABLE POWERED_OFF'))

    assert.deepEqual(await runOn(pool, ['vm-00001', 'vm-00002']), COMPLETED)
    assert.deepEqual(await minionsOf(moves, pool), [READY, READY])
    await deallocate(moves, pool)
  })

  test('deploys a machine anew, under its id, whose check failed', async () => {
    const pool = await addPool(moves)
    await allocate(moves, pool)
    const [machine] = await machineIds(pool)
    await moves.removeThing(`minions/${machine}.json`)

    await refresh(moves, pool)
    await until(async () => (await poolThings([machine!])).length === 1)
    await untilMinions(moves, pool, [READY])
    assert.deepEqual(await machineIds(pool), [machine])
    assert.ok((await eventsOf(moves, pool)).some(message => message === `health-check of machine ${machine} failed`))
    await deallocate(moves, pool)
  })

  test('is done by itself for pools that are due, once', async () => {
    const pool = await addPool(moves)
    await allocate(moves, pool)
    await moves.pools.tend(signal)
    await moves.store.db
      .updateTable('minion_pools')
      .set({ refreshed_at: new Date(0) })
      .where('id', '=', pool)
      .execute()

    assert.equal(
      (await Promise.all([moves.pools.tend(signal), moves.pools.tend(signal)])).reduce((sum, count) => sum + count, 0),
      1,
    )
    await untilMinions(moves, pool, [READY])
    await deallocate(moves, pool)
  })
})

/** A transfer execution of these machines on destination minions of the pool. */
async function runOn(pool: string, machines: readonly string[], faults: readonly object[] = []) {
  const environment = { faults, network_map: {}, storage_mappings: {} }
  const transfer = await moves.addTransfer(machines, { source_environment: { faults }, target_environment: environment })
  const wanted = machines.map(instance => ({ poolId: pool, instance, role: 'destination' as const }))
  return moves.end(await moves.start(transfer, 'transfer_execution', { wanted }))
}

describe('an execution with pools', () => {
  test('waits for its machines, grows the pool to them, and gives them back', async () => {
    const [origin, destination] = [await addPool(moves, { platform: 'source', maximum: 2 }), await addPool(moves, { maximum: 2 })]
    await Promise.all([allocate(moves, origin), allocate(moves, destination)])
    const machines = ['vm-00001', 'vm-00002']
    const transfer = await moves.addTransfer(machines)
    const wanted = machines.flatMap(instance => [
      { poolId: origin, instance, role: 'origin' as const },
      { poolId: destination, instance, role: 'destination' as const },
    ])
    const id = await moves.start(transfer, 'transfer_execution', { wanted })

    assert.deepEqual(await moves.end(id), COMPLETED)
    assert.deepEqual(await minionsOf(moves, origin), [READY, READY])
    assert.deepEqual(await minionsOf(moves, destination), [READY, READY])
    for (const info of (await moves.infoOf(transfer)).values()) {
      assert.equal(info['origin_minion_machine_id'], null)
      assert.equal(info['destination_minion_backup_writer_connection_info'], null)
    }
    const types = (await moves.tasksOf(id)).map(({ type }) => type)
    assert.ok(types.includes('RELEASE_SOURCE_MINION') && types.includes('DETACH_VOLUMES_FROM_DESTINATION_MINION'))
    await Promise.all([deallocate(moves, origin), deallocate(moves, destination)])
  })

  test('does not begin when the pool cannot give enough, and takes nothing', async () => {
    const pool = await addPool(moves, { minimum: 1, maximum: 1 })
    await allocate(moves, pool)

    const { state } = await runOn(pool, ['vm-00001', 'vm-00002'])
    assert.equal(state, 'minions_failed')
    assert.deepEqual(await minionsOf(moves, pool), [READY])
    await deallocate(moves, pool)
  })

  test('gets a machine that was deployed anew when the check failed, and ends when that fails too', async () => {
    const pool = await addPool(moves, { environment: fault('HEALTHCHECK_DESTINATION_MINION', { times: 1 }) })
    await allocate(moves, pool)
    assert.deepEqual(await runOn(pool, ['vm-00001']), COMPLETED)

    await moves.store.db
      .updateTable('minion_pools')
      .set({
        environment_options: JSON.stringify({
          faults: [
            { task: 'HEALTHCHECK_DESTINATION_MINION', kind: 'fail', when: 'after' },
            { task: 'CREATE_DESTINATION_MINION_MACHINE', kind: 'fail' },
          ],
        }),
      })
      .where('id', '=', pool)
      .execute()
    assert.equal((await runOn(pool, ['vm-00001'])).state, 'minions_failed')
    assert.deepEqual(await minionsOf(moves, pool), ['ERROR_DEPLOYING UNINITIALIZED'])
    await deallocate(moves, pool)
  })

  test('gives its machines back when it fails before it could by itself, and when it is cancelled', async () => {
    const pool = await addPool(moves)
    await allocate(moves, pool)
    const { state } = await runOn(pool, ['vm-00001'], [{ task: 'GET_INSTANCE_INFO', kind: 'fail' }])
    assert.equal(state, 'failed')
    assert.deepEqual(await minionsOf(moves, pool), [READY])

    const transfer = await moves.addTransfer(['vm-00001'])
    const wanted = [{ poolId: pool, instance: 'vm-00001', role: 'destination' as const }]
    const id = await moves.start(transfer, 'transfer_execution', { wanted })
    await moves.store.transact(trx => moves.engine.cancel(trx, id, { force: false }), signal).catch(() => undefined)
    await moves.end(id)
    await untilMinions(moves, pool, [READY])
    await deallocate(moves, pool)
  })

  test('morphs on a machine of the pool', async () => {
    const pool = await addPool(moves)
    await allocate(moves, pool)
    const transfer = await moves.addTransfer(['vm-00001'])
    await moves.end(await moves.start(transfer, 'transfer_execution'))
    const deployment = await moves.addDeployment(transfer)
    const wanted = [{ poolId: pool, instance: 'vm-00001', role: 'osmorphing' as const }]
    const id = await moves.start(deployment, 'deployment', { wanted })

    assert.deepEqual(await moves.end(id), COMPLETED)
    assert.deepEqual(await moves.things(undefined, id), [])
    assert.deepEqual(await minionsOf(moves, pool), [READY])
    await deallocate(moves, pool)
  })

  test('keeps its machines from a deallocation that is not forced', async () => {
    const pool = await addPool(moves)
    await allocate(moves, pool)
    const transfer = await moves.addTransfer(['vm-00001'], {
      target_environment: { faults: [{ task: 'REPLICATE_DISKS', kind: 'hang' }], network_map: {}, storage_mappings: {} },
    })
    const wanted = [{ poolId: pool, instance: 'vm-00001', role: 'destination' as const }]
    const id = await moves.start(transfer, 'transfer_execution', { wanted })
    await until(async () => (await moves.tasksOf(id)).length > 0 && (await minionsOf(moves, pool))[0] === 'IN_USE POWERED_ON')

    await assert.rejects(deallocate(moves, pool), { code: 'api.wrong-state', message: /1 machines of minion pool .* are in use/ })
    await moves.store.transact(trx => moves.engine.cancel(trx, id, { force: false }), signal)
    assert.equal((await moves.end(id)).state, 'cancelled')
    assert.deepEqual(await minionsOf(moves, pool), [READY])
    assert.equal(await deallocate(moves, pool), 'DEALLOCATED')
  })
})

const until = (look: () => Promise<boolean>) => waitFor(async () => (await look()) || undefined, 'the machines of a pool')
