import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { requires } from '@instar/fixtures'
import { qemuImg } from '../../packages/worker/src/replication/replication.fixture.ts'
import { startService, type Service } from './service.ts'

// The source's image keeps no dirty bitmap of a transfer that is gone.

interface Shown {
  readonly last_execution_status: string
}

describe('the dirty bitmaps of a transfer', { skip: requires(['qemu'], process.env) }, () => {
  let service: Service
  before(async () => {
    service = await startService({ platforms: ['disk-images'] })
  })
  after(() => service?.[Symbol.asyncDispose]())

  /** A transfer of a machine that allows bitmaps, executed once: its image and id. */
  async function executed(name: string): Promise<{ image: string; transfer: string }> {
    const [from, to] = [join(service.folder, name, 'from'), join(service.folder, name, 'to')]
    mkdirSync(join(from, name), { recursive: true })
    mkdirSync(to)
    const image = join(from, name, 'disk.qcow2')
    qemuImg('create', '-q', '-f', 'qcow2', image, '8M')
    writeFileSync(join(from, name, 'machine.yaml'), 'bitmaps: true\ndisks: [{ file: disk.qcow2 }]\nnics: []\n')
    const ends = { origin_endpoint_id: await addEndpoint(from), destination_endpoint_id: await addEndpoint(to) }
    const body = { transfer: { ...ends, instances: [name], destination_environment: { network_map: {} } } }
    const { id } = (await service.json<{ transfer: { id: string } }>('POST', '/transfers', { body })).transfer
    await service.json('POST', `/transfers/${id}/executions`, { body: { execution: {} } })
    await completed('transfer', id)
    assert.equal(bitmapsOf(image).length, 1)
    return { image, transfer: id }
  }

  async function addEndpoint(folder: string): Promise<string> {
    const body = { endpoint: { name: folder, type: 'disk-images', connection_info: { folder } } }
    return (await service.json<{ endpoint: { id: string } }>('POST', '/endpoints', { body })).endpoint.id
  }

  async function completed(kind: 'transfer' | 'deployment', id: string): Promise<void> {
    await service.until<Record<string, Shown>>(`/${kind}s/${id}`, answer => answer[kind]?.last_execution_status === 'COMPLETED')
  }

  /** The replica's disks become the machine's own: nothing is left of them for `transfer disks delete` to delete. */
  async function deployWithoutClones(transfer: string): Promise<void> {
    const body = { deployment: { transfer_id: transfer, clone_disks: false, skip_os_morphing: true } }
    await completed('deployment', (await service.json<{ deployment: { id: string } }>('POST', '/deployments', { body })).deployment.id)
  }

  const deleteTransfer = async (id: string) => assert.equal((await service.ask('DELETE', `/transfers/${id}`)).statusCode, 204)
  async function untilNone(image: string): Promise<void> {
    for (const end = Date.now() + 30_000; bitmapsOf(image).length > 0; await sleep(50))
      if (Date.now() > end) assert.fail('it is still there')
  }

  test('go with the transfer, whose replica a deployment has taken', async () => {
    const { image, transfer } = await executed('taken')
    await deployWithoutClones(transfer)

    await deleteTransfer(transfer)
    await untilNone(image)
  })

  test('go with the transfer, whose replica nobody has taken', async () => {
    const { image, transfer } = await executed('left')

    await deleteTransfer(transfer)
    await untilNone(image)
  })

  test('go with the disks of a transfer that a deployment has taken', async () => {
    const { image, transfer } = await executed('deleted')
    await deployWithoutClones(transfer)

    await service.json('POST', `/transfers/${transfer}/actions`, { body: { 'delete-disks': null } })
    await completed('transfer', transfer)
    assert.deepEqual(bitmapsOf(image), [])
    const again = await service.ask('POST', `/transfers/${transfer}/actions`, { body: { 'delete-disks': null } })
    assert.equal(again.statusCode, 400, again.body)
  })

  test('stay in an image that is in use, and that is told', async () => {
    const { image, transfer } = await executed('running')
    const qemu = spawn('qemu-io', ['-f', 'qcow2', image], { stdio: ['pipe', 'ignore', 'ignore'] })
    while (!isLocked(image)) await sleep(20)

    await deleteTransfer(transfer)
    for (const end = Date.now() + 30_000; !tellsLeft(); await sleep(50)) if (Date.now() > end) assert.fail(service.server.logged.join('\n'))
    qemu.stdin.end()
    await once(qemu, 'exit')
    assert.equal(bitmapsOf(image).length, 1)
  })
  const tellsLeft = () => service.server.logged.some(line => line.includes('a dirty bitmap stays in an image that is in use'))
})

function bitmapsOf(image: string): string[] {
  const info = JSON.parse(qemuImg('info', '-U', '--output=json', image)) as {
    'format-specific': { data: { bitmaps?: { name: string }[] } }
  }
  return (info['format-specific'].data.bitmaps ?? []).map(({ name }) => name)
}

function isLocked(image: string): boolean {
  try {
    qemuImg('info', image)
    return false
  } catch {
    return true
  }
}
