import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startService, type Service } from './service.ts'

interface Task {
  id: string
  task_type: string
  status: string
  index: number
  instance: string
  execution_id: string
  events: { level: string; message: string }[]
}
interface Execution {
  id: string
  status: string
  type: string
  number: number
  tasks: Task[]
}
interface Move {
  id: string
  last_execution_status: string
  notes: string | null
  user_scripts: { global?: object }
  tasks: Task[]
  executions: unknown[]
  transfer_result: Record<string, { id: string }> | null
  deployer_id: string | null
  failure: string | null
  info?: Record<string, Record<string, unknown>>
}

let service: Service
before(async () => {
  service = await startService()
})
after(() => service[Symbol.asyncDispose]())

const hasEnded = (status: string) => !['RUNNING', 'CANCELLING', 'AWAITING_MINION_ALLOCATIONS', 'UNEXECUTED', 'PENDING'].includes(status)

async function execute(transfer: string, execution: object = {}): Promise<Execution> {
  const started = await service.json<{ execution: Execution }>('POST', `/transfers/${transfer}/executions`, { body: { execution } })
  return waitFor(transfer, started.execution.id)
}

async function waitFor(transfer: string, execution: string): Promise<Execution> {
  const path = `/transfers/${transfer}/executions/${execution}`
  return (await service.until<{ execution: Execution }>(path, answer => hasEnded(answer.execution.status))).execution
}

const deploymentEnded = async (id: string) =>
  (await service.until<{ deployment: Move }>(`/deployments/${id}`, ({ deployment }) => hasEnded(deployment.last_execution_status)))
    .deployment
const showTransfer = async (id: string) => (await service.json<{ transfer: Move }>('GET', `/transfers/${id}`)).transfer

describe('a machine moves', () => {
  let ids: { transfer: string; origin: string; destination: string }
  before(async () => {
    ids = await service.makeTransfer({ notes: 'first', user_scripts: { global: { linux: 'echo moved' } } })
  })

  test('its transfer is stored, and nothing runs', async () => {
    const transfer = await showTransfer(ids.transfer)

    assert.equal(transfer.last_execution_status, 'UNEXECUTED')
    assert.deepEqual(transfer.executions, [])
    assert.deepEqual(transfer.user_scripts, { global: { linux: [{ phase: 'osmorphing_post_os_mount', payload: 'echo moved' }] } })
  })

  test('an execution runs its tasks and completes', async () => {
    const { status, type, number, tasks } = await execute(ids.transfer)

    assert.deepEqual({ status, type, number }, { status: 'COMPLETED', type: 'transfer_execution', number: 1 })
    assert.ok(tasks.some(task => task.task_type === 'REPLICATE_DISKS' && task.status === 'COMPLETED'))
    assert.equal((await showTransfer(ids.transfer)).last_execution_status, 'COMPLETED')
  })

  test('a deployment with scripts of its own tells at once which of the transfer it leaves out, in its tasks and to followers', async () => {
    const body = { deployment: { transfer_id: ids.transfer, user_scripts: { global: {}, instances: {} } } }
    const { deployment } = await service.json<{ deployment: Move }>('POST', '/deployments', { body })
    const [first] = deployment.tasks

    const wanted = /^Script global-1 \(osmorphing_post_os_mount\) of the transfer will not run: the deployment is to run none/
    assert.deepEqual(
      first?.events.map(({ level, message }) => [level, wanted.test(message)]),
      [['WARNING', true]],
    )
    assert.equal((await deploymentEnded(deployment.id)).last_execution_status, 'COMPLETED')
    const { admin, server } = service
    const url = `/instar/v1/${admin.projectId}/executions/${first?.execution_id}/events?follow=false`
    const streamed = [...(await server.request({ method: 'GET', url, token: admin.token })).body.matchAll(/^data: (.*)$/gm)]
    const told = streamed.map(([, data = '']) => JSON.parse(data) as { kind: string; instance: string; message?: string })
    assert.deepEqual(
      told.flatMap(({ kind, instance, message = '' }, place) => (wanted.test(message) ? [{ kind, instance, place }] : [])),
      [{ kind: 'warning', instance: 'vm-00001', place: 0 }],
    )
  })

  test('an update changes the transfer when its execution has completed', async () => {
    const body = { transfer: { notes: 'second', user_scripts: { global: { linux: null } } } }
    const { execution } = await service.json<{ execution: Execution }>('PUT', `/transfers/${ids.transfer}`, { body })
    assert.equal(execution.type, 'transfer_update')
    assert.equal(execution.number, 2)

    assert.equal((await waitFor(ids.transfer, execution.id)).status, 'COMPLETED')

    const transfer = await showTransfer(ids.transfer)
    assert.equal(transfer.notes, 'second')
    assert.deepEqual(transfer.user_scripts, { global: { linux: [] }, instances: {} })
  })

  test('a deployment makes a machine of the replica', async () => {
    const body = { deployment: { transfer_id: ids.transfer, clone_disks: true, skip_os_morphing: true, user_scripts: null } }
    const made = await service.json<{ deployment: Move }>('POST', '/deployments', { body })
    assert.ok(made.deployment.tasks.length > 0)

    const deployment = await deploymentEnded(made.deployment.id)

    assert.equal(deployment.last_execution_status, 'COMPLETED')
    assert.ok(deployment.transfer_result?.['vm-00001']?.id)
    // The transfer has no scripts any more that could be left out.
    assert.deepEqual(
      deployment.tasks.flatMap(({ events }) => events.filter(({ message }) => message.includes('will not run'))),
      [],
    )
  })

  test('an execution with auto_deploy leaves a deployment that starts when it completed', async () => {
    const execution = await execute(ids.transfer, { auto_deploy: true })
    const { deployments } = await service.json<{ deployments: Move[] }>('GET', '/deployments')
    const waiting = deployments.find(deployment => deployment.deployer_id === execution.id)
    assert.ok(waiting)

    await using _ = await service.server.server.startBackground()

    assert.equal((await deploymentEnded(waiting.id)).last_execution_status, 'COMPLETED')
  })

  test('what is known of its machines is shown on request, secrets masked', async () => {
    const { transfer } = await service.json<{ transfer: Move }>('GET', `/transfers/${ids.transfer}?include_task_info=true`)

    assert.ok(transfer.info?.['vm-00001']?.['export_info'])
    assert.ok(transfer.info['vm-00001']['volumes_info'])
  })

  test('a deployment without clones takes the disks: no other before the next execution, which copies in full', async () => {
    const deployment = { transfer_id: ids.transfer, clone_disks: false }
    const made = await service.json<{ deployment: Move }>('POST', '/deployments', { body: { deployment } })
    assert.equal((await deploymentEnded(made.deployment.id)).last_execution_status, 'COMPLETED')
    const infoOf = async () =>
      (await service.json<{ transfer: Move }>('GET', `/transfers/${ids.transfer}?include_task_info=true`)).transfer.info!['vm-00001']!
    const taken = await infoOf()
    assert.deepEqual(taken['volumes_info'], [])
    assert.equal((taken['released_volumes'] as unknown[]).length, 1)

    const refused = await service.ask('POST', '/deployments', { body: { deployment } })
    const executed = await execute(ids.transfer)

    assert.equal(refused.statusCode, 400)
    assert.match(refused.body, /execute the transfer first.*clone_disks: false/)
    assert.equal(executed.status, 'COMPLETED')
    const again = await infoOf()
    assert.equal((again['volumes_info'] as unknown[]).length, 1)
    assert.notDeepEqual(again['volumes_info'], taken['released_volumes'])
    assert.deepEqual(again['released_volumes'], [])
  })

  test('its disks are deleted; after that it cannot be deployed', async () => {
    const { execution } = await service.json<{ execution: Execution }>('POST', `/transfers/${ids.transfer}/actions`, {
      body: { 'delete-disks': null },
    })
    assert.equal((await waitFor(ids.transfer, execution.id)).status, 'COMPLETED')

    const refused = await service.ask('POST', '/deployments', { body: { deployment: { transfer_id: ids.transfer, force: true } } })

    assert.equal(refused.statusCode, 400)
    assert.match(refused.body, /no volumes information/)
  })

  test('the endpoint cannot be deleted while the transfer is there', async () => {
    const refused = await service.ask('DELETE', `/endpoints/${ids.origin}`)
    assert.equal(refused.statusCode, 403)
    assert.match(refused.body, /1 transfers use/)

    assert.equal((await service.ask('DELETE', `/transfers/${ids.transfer}`)).statusCode, 204)
    assert.equal((await service.ask('GET', `/transfers/${ids.transfer}`)).statusCode, 404)
    assert.equal((await service.ask('DELETE', `/endpoints/${ids.origin}`)).statusCode, 204)
  })
})

test('a busy transfer takes nothing else, and its execution can be cancelled', async () => {
  const { transfer } = await service.makeTransfer({ source_environment: { latencies_ms: { GET_INSTANCE_INFO: 30_000 } } })
  const { execution } = await service.json<{ execution: Execution }>('POST', `/transfers/${transfer}/executions`, { body: {} })
  const path = `/transfers/${transfer}/executions/${execution.id}`

  for (const refused of [
    await service.ask('POST', `/transfers/${transfer}/executions`, { body: {} }),
    await service.ask('PUT', `/transfers/${transfer}`, { body: { transfer: { notes: 'x' } } }),
    await service.ask('DELETE', `/transfers/${transfer}`),
    await service.ask('POST', '/deployments', { body: { deployment: { transfer_id: transfer } } }),
  ]) {
    assert.equal(refused.statusCode, 400, refused.body)
    assert.match(refused.body, new RegExp(`running executions: ${execution.id}`))
  }
  assert.equal((await service.ask('DELETE', path)).statusCode, 400)

  assert.equal((await service.ask('POST', `${path}/actions`, { body: { cancel: null } })).statusCode, 204)
  assert.equal((await waitFor(transfer, execution.id)).status, 'CANCELED')
  assert.equal((await service.ask('POST', `${path}/actions`, { body: { cancel: { force: true } } })).statusCode, 400)
  assert.equal((await service.ask('DELETE', path)).statusCode, 204)
})

test('an automatic deployment whose execution failed ends in ERROR and says why', async () => {
  const { transfer } = await service.makeTransfer({ source_environment: { faults: [{ task: 'GET_INSTANCE_INFO', kind: 'fail' }] } })
  const { status } = await execute(transfer, { auto_deploy: true })
  assert.equal(status, 'ERROR')

  await using _ = await service.server.server.startBackground()
  const { deployments } = await service.until<{ deployments: (Move & { transfer_id: string })[] }>('/deployments', answer =>
    answer.deployments.some(one => one.transfer_id === transfer && one.last_execution_status === 'ERROR'),
  )

  const failed = deployments.find(one => one.transfer_id === transfer)
  assert.match(failed?.failure ?? '', /ended as failed/)
})

test('a failed update leaves the old values', async () => {
  const faults = [{ task: 'UPDATE_DESTINATION_TRANSFER', kind: 'fail' }]
  const { transfer } = await service.makeTransfer({ notes: 'old', destination_environment: { faults } })
  const body = { transfer: { notes: 'new' } }
  const { execution } = await service.json<{ execution: Execution }>('PUT', `/transfers/${transfer}`, { body })

  assert.equal((await waitFor(transfer, execution.id)).status, 'ERROR')

  assert.equal((await showTransfer(transfer)).notes, 'old')
})
