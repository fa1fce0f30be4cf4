import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { addEndpoints, startProcesses, untilEnded, type Processes } from './processes.ts'

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

test('kill -9 of the worker after each step: all goes on, nothing is made twice or left', async t => {
  await using processes = await startProcesses({ apis: 1, workers: 3, revive: true })
  const { json, store } = processes
  const ends = await addEndpoints(processes, 100)
  const began = performance.now()
  const transfers = await Promise.all(
    [...TRANSFER_TASKS, ...DEPLOYMENT_TASKS].map(async (task, at) => {
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
  for (const id of transfers) assert.equal(await untilEnded(processes, id, LIMIT_MS), 'completed')
  const deployments = await store.db.selectFrom('deployments').select(['id', 'transfer_id']).execute()
  assert.equal(deployments.length, transfers.length)
  for (const { id } of deployments) assert.equal(await untilEnded(processes, id, LIMIT_MS), 'completed')
  t.diagnostic(`${processes.deaths()} workers died; all went on within ${Math.round((performance.now() - began) / 1000)} s`)

  const struck = await things(processes, 'spent-faults')
  assert.equal(struck.length, transfers.length, 'every fault struck, once')
  for (const kind of ['source-resources', 'target-resources', 'morphing-resources', 'snapshots', 'instances']) {
    assert.deepEqual(await things(processes, kind), [], kind)
  }
  assert.equal((await things(processes, 'machines')).length, transfers.length)
  // A volume of the replica and its clone for each machine.
  assert.equal((await things(processes, 'volumes')).length, 2 * transfers.length)
})

async function things({ platform }: Processes, kind: string): Promise<string[]> {
  const entries = await readdir(`${platform}/${kind}`).catch(() => [])
  return entries.filter(name => name.endsWith('.json'))
}
