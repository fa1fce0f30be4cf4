import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { addEndpoints, startProcesses, untilCompleted, untilIdle, type Processes } from './processes.ts'

/** Each kill is noticed after ten seconds at most, and several strike at once. */
const LIMIT_MS = 600_000
const TRANSFER_TASKS = [
  'VALIDATE_TRANSFER_SOURCE_INPUTS',
  'GET_INSTANCE_INFO',
  'DEPLOY_TRANSFER_DISKS',
  'DEPLOY_TRANSFER_SOURCE_RESOURCES',
  'DEPLOY_TRANSFER_TARGET_RESOURCES',
  'SHUTDOWN_INSTANCE',
  'REPLICATE_DISKS',
  'DELETE_TRANSFER_SOURCE_RESOURCES',
  'DELETE_TRANSFER_TARGET_RESOURCES',
]
const DEPLOYMENT_TASKS = [
  'CREATE_TRANSFER_DISK_SNAPSHOTS',
  'DEPLOY_INSTANCE_RESOURCES',
  'DEPLOY_OS_MORPHING_RESOURCES',
  'OS_MORPHING',
  'DELETE_OS_MORPHING_RESOURCES',
  'FINALIZE_INSTANCE_DEPLOYMENT',
  'DELETE_TRANSFER_TARGET_DISK_SNAPSHOTS',
]
const UPKEEP_TASKS = [
  'UPDATE_SOURCE_TRANSFER',
  'UPDATE_DESTINATION_TRANSFER',
  'DELETE_TRANSFER_SOURCE_DISK_SNAPSHOTS',
  'DELETE_TRANSFER_DISKS',
]
/** Of a pool and of those who use its machines. */
const POOL_TASKS = [
  'VALIDATE_DESTINATION_MINION_POOL_ENVIRONMENT_OPTIONS',
  'SET_UP_DESTINATION_POOL_SHARED_RESOURCES',
  'CREATE_DESTINATION_MINION_MACHINE',
  'HEALTHCHECK_DESTINATION_MINION',
  'VALIDATE_DESTINATION_MINION_POOL_COMPATIBILITY',
  'ATTACH_VOLUMES_TO_DESTINATION_MINION',
  'DETACH_VOLUMES_FROM_DESTINATION_MINION',
  'ATTACH_VOLUMES_TO_OSMORPHING_MINION',
  'DETACH_VOLUMES_FROM_OSMORPHING_MINION',
  'DELETE_DESTINATION_MINION_MACHINE',
  'TEAR_DOWN_DESTINATION_POOL_SHARED_RESOURCES',
]

test('kill -9 of the worker after each step: all goes on, nothing is made twice or left', async t => {
  await using processes = await startProcesses({ apis: 1, workers: 3, revive: true })
  const { json, store } = processes
  const ends = await addEndpoints(processes, 100)
  const began = performance.now()
  const transfers = await Promise.all(
    [...TRANSFER_TASKS, ...DEPLOYMENT_TASKS, ...UPKEEP_TASKS].map(async (task, at) => {
      const instances = [`vm-${String(at + 1).padStart(5, '0')}`]
      const faults = [{ task, kind: 'kill', when: 'after', times: 1, instance: instances[0] }]
      const transfer = {
        origin_endpoint_id: ends.origin,
        destination_endpoint_id: ends.destination,
        instances,
        source_environment: { faults },
        destination_environment: { faults },
      }
      return (await json<{ transfer: { id: string } }>('POST', '/transfers', { transfer })).transfer.id
    }),
  )
  await Promise.all(
    transfers.map(id => json('POST', `/transfers/${id}/executions`, { execution: { shutdown_instances: true, auto_deploy: true } })),
  )
  for (const id of transfers) await untilCompleted(processes, id, LIMIT_MS)
  const deployments = await store.db.selectFrom('deployments').select(['id', 'transfer_id']).execute()
  assert.equal(deployments.length, transfers.length)
  for (const { id } of deployments) await untilCompleted(processes, id, LIMIT_MS)
  const kept = transfers.slice(0, -UPKEEP_TASKS.length)
  await Promise.all(
    transfers.slice(kept.length).map(async id => {
      await json('PUT', `/transfers/${id}`, { transfer: { notes: 'changed' } })
      await untilCompleted(processes, id, LIMIT_MS)
      await json('POST', `/transfers/${id}/actions`, { 'delete-disks': null })
      await untilCompleted(processes, id, LIMIT_MS)
    }),
  )
  t.diagnostic(`${processes.deaths()} workers died; all went on within ${Math.round((performance.now() - began) / 1000)} s`)

  const struck = await things(processes, 'spent-faults')
  assert.equal(struck.length, transfers.length, 'every fault struck, once')
  for (const kind of ['source-resources', 'target-resources', 'morphing-resources', 'snapshots', 'instances']) {
    assert.deepEqual(await things(processes, kind), [], kind)
  }
  assert.equal((await things(processes, 'machines')).length, transfers.length)
  // A clone for each machine, and a volume of the replica where it was not deleted.
  assert.equal((await things(processes, 'volumes')).length, transfers.length + kept.length)
})

test('kill -9 of the worker after each step of a pool and on its machines: all goes on, nothing is made twice or left', async t => {
  await using processes = await startProcesses({ apis: 1, workers: 3, revive: true })
  const { json, store } = processes
  const { origin, destination } = await addEndpoints(processes, 100)
  const began = performance.now()
  const readPool = async (id: string) => (await json<{ minion_pool: { status: string } }>('GET', `/minion_pools/${id}`)).minion_pool.status

  await Promise.all(
    POOL_TASKS.map(async (task, at) => {
      const faults = [{ task, kind: 'kill', when: 'after', times: 1 }]
      const settings = { endpoint_id: destination, platform: 'destination', os_type: 'linux', minimum_minions: 1, maximum_minions: 2 }
      const minion_pool = { name: task, ...settings, environment_options: { faults } }
      const pool = (await json<{ minion_pool: { id: string } }>('POST', '/minion_pools', { minion_pool })).minion_pool.id
      await untilIdle(processes, pool)
      assert.equal(await readPool(pool), 'ALLOCATED', task)

      const instances = [`vm-${String(at + 1).padStart(5, '0')}`]
      const osmorphing = Object.fromEntries(instances.map(instance => [instance, pool]))
      const pools = { destination_minion_pool_id: pool, instance_osmorphing_minion_pool_mappings: osmorphing }
      const transfer = { origin_endpoint_id: origin, destination_endpoint_id: destination, instances, ...pools }
      const { id } = (await json<{ transfer: { id: string } }>('POST', '/transfers', { transfer })).transfer
      await json('POST', `/transfers/${id}/executions`, { execution: { auto_deploy: true } })
      await untilIdle(processes, id)
      await untilIdle(processes, pool)

      for (const action of ['refresh', 'deallocate']) {
        await json('POST', `/minion_pools/${pool}/actions`, { [action]: null })
        await untilIdle(processes, pool)
      }
      assert.equal(await readPool(pool), 'DEALLOCATED', task)
    }),
  )
  t.diagnostic(`${processes.deaths()} workers died; all went on within ${Math.round((performance.now() - began) / 1000)} s`)

  const states = await store.db.selectFrom('executions').select(['kind', 'state']).where('state', '<>', 'completed').execute()
  assert.deepEqual(states, [])
  assert.equal((await things(processes, 'spent-faults')).length, POOL_TASKS.length, 'every fault struck, once')
  for (const kind of ['source-resources', 'target-resources', 'morphing-resources', 'snapshots', 'instances', 'minions', 'pool-shared']) {
    assert.deepEqual(await things(processes, kind), [], kind)
  }
  assert.equal((await things(processes, 'machines')).length, POOL_TASKS.length)
  assert.equal((await things(processes, 'volumes')).length, 2 * POOL_TASKS.length)
})

async function things({ platform }: Processes, kind: string): Promise<string[]> {
  const entries = await readdir(`${platform}/${kind}`).catch(() => [])
  return entries.filter(name => name.endsWith('.json'))
}
