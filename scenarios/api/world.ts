import { randomUUID } from 'node:crypto'
import { InstarError } from '@instar/contract'
import { CAPABILITIES, SCHEMA_KEYS } from '@instar/contract/api'
import type { Engine } from '@instar/engine'
import { createTestServer, type Session, type TestServer } from '@instar/server/testing'

/** A service whose platforms are only told of: what is asked of them has a canned answer, and tasks wait for ever. */
export async function startCannedService(logFolder?: string): Promise<TestServer> {
  const server = await createTestServer({ ask: answer, settings: { logFolder } })
  const offer = {
    types: Object.values(CAPABILITIES),
    schemas: Object.fromEntries(Object.values(SCHEMA_KEYS).map(key => [key, { oneOf: [{ type: 'object', properties: { a: {} } }] }])),
  }
  const platforms = Object.fromEntries(['openstack', 'test-src', 'test-dest', 'X', 'Y'].map(name => [name, offer]))
  const specs = {
    application: 'instar-worker',
    hostname: 'w',
    packages: ['p'],
    os_info: ['o'],
    ip_addresses: [{ eth0: { ipv4: ['192.0.2.1'], ipv6: null } }],
  }
  await server.store.db
    .insertInto('workers')
    .values({
      id: randomUUID(),
      host: 'w',
      binary_name: 'instar-worker',
      topic: 'coriolis_worker',
      providers: JSON.stringify(platforms),
      specs: JSON.stringify(specs),
      // Alive for the whole test.
      beat_at: new Date(Date.now() + 3_600_000),
    })
    .execute()
  return server
}

const machine = { id: 'vm1', name: 'vm1', num_cpu: 1, memory_mb: 512, os_type: 'linux' }
const devices = { disks: [], nics: [], cdroms: [], serial_ports: [], floppies: [], controllers: [] }

const answer: Engine['ask'] = async ({ kind, body }) => {
  const canned: Record<string, unknown> = {
    validate_connection: { valid: true, message: null },
    instances: { instances: [machine], warnings: ['vm2 is left out: it is broken'] },
    instance: { ...machine, id: (body as { name?: string }).name, nested_virtualization: false, devices },
    networks: [{ id: 'n1', name: 'n1' }],
    storage: { storage_backends: [{ id: 's1', name: 's1' }], config_default: 's1' },
    inventory: 'id,name\r\nvm1,vm1\r\n',
    options: [{ name: 'flavor', values: ['small'], config_default: 'small' }],
  }
  if (!(kind in canned)) throw new InstarError('provider.unsupported', `nothing is known of ${kind}`)
  return canned[kind]
}

/** One object of each kind, in the states that requests of all kinds can work on. */
export interface World {
  readonly ids: Readonly<
    Record<'EP1' | 'EP2' | 'TRANSFER' | 'EXECUTION' | 'DEPLOYMENT' | 'POOL' | 'SCHEDULE' | 'REGION' | 'SERVICE', string>
  >
  /** Allocated pools of the two endpoints. */
  readonly pools: { readonly source: string; readonly destination: string }
}

export interface WorldOptions {
  /** Whether the transfer's execution and the deployment run at this moment; else they have ended. */
  readonly isRunning?: boolean
  /** The endpoints are used by nothing. */
  readonly isBare?: boolean
  readonly poolStatus?: 'DEALLOCATED' | 'ALLOCATED'
}

/** Fills the project of the session. */
export async function makeWorld(server: TestServer, session: Session, options: WorldOptions = {}): Promise<World> {
  const post = async (path: string, body: object, key: string): Promise<string> => {
    const answer = await server.request({ method: 'POST', url: `/v1/${session.projectId}${path}`, token: session.token, payload: body })
    if (answer.statusCode !== 200) throw new Error(`POST ${path}: ${answer.body}`)
    return answer.json<Record<string, { id: string }>>()[key]!.id
  }
  const admin = await server.logIn()
  const region = randomUUID()
  await server.store.db.insertInto('regions').values({ id: region, name: 'r', description: '' }).execute()
  const endpoint = (name: string, type: string) =>
    post('/endpoints', { endpoint: { name, type, connection_info: { name, password: 'canary' }, mapped_regions: [] } }, 'endpoint')
  const [EP1, EP2] = [await endpoint('ep1', 'test-src'), await endpoint('ep2', 'test-dest')]
  const transfer = { origin_endpoint_id: EP1, destination_endpoint_id: EP2, instances: ['vm1', 'vm2'], notes: 'n' }
  const TRANSFER = await post('/transfers', { transfer }, 'transfer')
  const SCHEDULE = await post(`/transfers/${TRANSFER}/schedules`, { schedule: { hour: 3 } }, 'schedule')
  const EXECUTION = await post(`/transfers/${TRANSFER}/executions`, { execution: {} }, 'execution')
  await giveVolumes(server, TRANSFER)
  if (options.isRunning !== true) await end(server, TRANSFER)
  const DEPLOYMENT =
    options.isRunning === true
      ? await copyOfTransfer(server, session)
      : await post('/deployments', { deployment: { transfer_id: TRANSFER } }, 'deployment')
  if (options.isRunning !== true) await end(server, DEPLOYMENT)
  const pool = async (endpoint_id: string, platform: string, status: string) => {
    const given = {
      name: 'p',
      endpoint_id,
      platform,
      os_type: 'linux',
      environment_options: { a: 1 },
      skip_allocation: true,
      maximum_minions: 5,
    }
    const id = await post('/minion_pools', { minion_pool: given }, 'minion_pool')
    await server.store.db.updateTable('minion_pools').set({ status }).where('id', '=', id).execute()
    return id
  }
  const POOL = await pool(EP2, 'destination', options.poolStatus ?? 'DEALLOCATED')
  const pools = { source: await pool(EP1, 'source', 'ALLOCATED'), destination: await pool(EP2, 'destination', 'ALLOCATED') }
  const service = await server.request({
    method: 'POST',
    url: `/v1/${admin.projectId}/services`,
    token: admin.token,
    payload: { service: { host: randomUUID(), binary: 'b', topic: 't' } },
  })
  const SERVICE = service.json<{ service: { id: string } }>().service.id
  const unused =
    options.isBare === true ? { EP1: await endpoint('unused', 'test-src'), EP2: await endpoint('unused', 'test-dest') } : { EP1, EP2 }
  return { ids: { ...unused, TRANSFER, EXECUTION, DEPLOYMENT, POOL, SCHEDULE, REGION: region, SERVICE }, pools }

  /** A running deployment needs a transfer of its own: the one at hand is busy. */
  async function copyOfTransfer(server: TestServer, session: Session): Promise<string> {
    const other = await post('/transfers', { transfer }, 'transfer')
    await post(`/transfers/${other}/executions`, { execution: {} }, 'execution')
    await giveVolumes(server, other)
    await end(server, other)
    void session
    return post('/deployments', { deployment: { transfer_id: other } }, 'deployment')
  }
}

/** What an execution would have left at the destination. */
async function giveVolumes({ store, deps }: TestServer, transferId: string): Promise<void> {
  await store.transact(async trx => {
    for (const instance of ['vm1', 'vm2']) {
      await deps.engine.info.patch(
        trx,
        { actionId: transferId, instance },
        { volumes_info: [{ disk_id: 'd' }], export_info: { os_type: 'linux' } },
      )
    }
  }, AbortSignal.timeout(10_000))
}

/** Ends what runs on an action as if all its tasks had been done. */
async function end({ store }: TestServer, actionId: string): Promise<void> {
  const now = new Date()
  const executions = await store.db
    .updateTable('executions')
    .set({ state: 'completed', ended_at: now, updated_at: now })
    .where('action_id', '=', actionId)
    .returning('id')
    .execute()
  await store.db
    .updateTable('tasks')
    .set({ state: 'completed', ended_at: now })
    .where(
      'execution_id',
      'in',
      executions.map(({ id }) => id),
    )
    .execute()
  await store.db.updateTable('actions').set({ last_execution_state: 'completed', updated_at: now }).where('id', '=', actionId).execute()
}
