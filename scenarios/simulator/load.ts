import { setTimeout as sleep } from 'node:timers/promises'
import { addEndpoints, untilIdle, type Processes } from './processes.ts'

/** What the service has said to have taken on. */
export interface Acknowledged {
  readonly executions: string[]
  readonly deployments: string[]
  /** The last note of each transfer whose update was taken on. */
  readonly notes: Map<string, number>
  /** How the other requests ended: those without an answer, and those that were refused, for what such a one had begun. */
  readonly others: string[]
}

/** Work of all kinds that goes on until it is told to stop. */
export interface Load {
  readonly acknowledged: Acknowledged
  readonly transfers: readonly string[]
  readonly pools: readonly string[]
  /** Resolves when nothing new will be begun. */
  stop(): Promise<void>
}

/** Long enough that something is in the middle of each kind of step at any moment. */
const TROUBLE = { latency_ms: 80 }
const DISK_MIB = 64
const COPY_MIB_PER_S = 64
const PAUSE_MS = 100
/** Two transfers of some machines with barriers, one with minion pools. */
const MACHINES = [1, 3, 2]

interface Lane {
  readonly processes: Processes
  readonly acknowledged: Acknowledged
  readonly stopping: AbortSignal
}

/** Transfers with their updates, deployments and deletions of disks, on machines of pools too; and a pool that comes and goes. */
export async function startLoad(processes: Processes): Promise<Load> {
  const ends = await addEndpoints(processes, 20, { ...TROUBLE, disk_mib: DISK_MIB })
  const stopping = new AbortController()
  const acknowledged: Acknowledged = { executions: [], deployments: [], notes: new Map(), others: [] }
  const lane = { processes, acknowledged, stopping: stopping.signal }
  const [steady, unsteady] = [await addPool(processes, ends.destination, 'steady'), await addPool(processes, ends.destination, 'unsteady')]
  await untilIdle(processes, steady)
  const transfers: string[] = []
  const lanes: Promise<void>[] = [tendPool(lane, unsteady)]
  let next = 1
  for (const [at, count] of MACHINES.entries()) {
    const instances = Array.from({ length: count }, () => `vm-${String(next++).padStart(5, '0')}`)
    const isPooled = at === MACHINES.length - 1
    const id = await addTransfer(processes, { ...ends, instances, ...(isPooled && { pool: steady }) })
    transfers.push(id)
    lanes.push(move(lane, id))
  }
  return {
    acknowledged,
    transfers,
    pools: [steady, unsteady],
    stop: async () => {
      stopping.abort()
      await Promise.all(lanes)
    },
  }
}

async function addPool({ json }: Processes, endpoint_id: string, name: string): Promise<string> {
  const minion_pool = {
    name,
    endpoint_id,
    platform: 'destination',
    os_type: 'linux',
    environment_options: TROUBLE,
    minimum_minions: 2,
    maximum_minions: 4,
  }
  return (await json<{ minion_pool: { id: string } }>('POST', '/minion_pools', { minion_pool })).minion_pool.id
}

interface TransferOptions {
  readonly origin: string
  readonly destination: string
  readonly instances: readonly string[]
  readonly pool?: string
}

async function addTransfer({ json }: Processes, { origin, destination, instances, pool }: TransferOptions): Promise<string> {
  const transfer = {
    origin_endpoint_id: origin,
    destination_endpoint_id: destination,
    instances,
    notes: '0',
    destination_environment: { copy_mib_per_s: COPY_MIB_PER_S },
    ...(pool !== undefined && {
      destination_minion_pool_id: pool,
      instance_osmorphing_minion_pool_mappings: Object.fromEntries(instances.map(instance => [instance, pool])),
    }),
  }
  return (await json<{ transfer: { id: string } }>('POST', '/transfers', { transfer })).transfer.id
}

/** Everything that can be done with a transfer, again and again. */
async function move(lane: Lane, id: string): Promise<void> {
  const execute = (execution: object) =>
    begin(lane, id, () => post<'execution'>(lane, `/transfers/${id}/executions`, { execution }), 'executions')
  const deploy = (more: object) =>
    begin(lane, id, () => post<'deployment'>(lane, '/deployments', { deployment: { transfer_id: id, ...more } }), 'deployments')
  for (let round = 1; !lane.stopping.aborted; round += 1) {
    await execute({ shutdown_instances: true })
    await deploy({ clone_disks: true })
    await update(lane, id, round)
    await execute({ auto_deploy: true })
    await execute({})
    if (round % 2 === 0) await deploy({ clone_disks: false })
    else await begin(lane, id, () => post<'execution'>(lane, `/transfers/${id}/actions`, { 'delete-disks': null }), 'executions')
  }
}

async function update(lane: Lane, id: string, note: number): Promise<void> {
  const request = () => lane.processes.json<{ execution: { id: string } }>('PUT', `/transfers/${id}`, { transfer: { notes: String(note) } })
  if (await begin(lane, id, request, 'executions')) lane.acknowledged.notes.set(id, note)
}

async function tendPool(lane: Lane, id: string): Promise<void> {
  await untilIdle(lane.processes, id)
  while (!lane.stopping.aborted) {
    for (const action of ['refresh', 'deallocate', 'allocate']) {
      if (lane.stopping.aborted) return
      await attempt(lane, () => post(lane, `/minion_pools/${id}/actions`, { [action]: null }))
      await untilIdle(lane.processes, id)
    }
  }
}

type Begun = Readonly<Record<'execution' | 'deployment', { readonly id: string }>>

function post<K extends keyof Begun>({ processes }: Lane, path: string, body: object): Promise<Pick<Begun, K>> {
  return processes.json('POST', path, body)
}

/** Notes what was taken on, and waits until the transfer has nothing to do; whether it was taken on. */
async function begin(
  lane: Lane,
  transferId: string,
  request: () => Promise<Partial<Begun>>,
  kind: 'executions' | 'deployments',
): Promise<boolean> {
  if (lane.stopping.aborted) return false
  const answer = await attempt(lane, request)
  const id = (answer?.execution ?? answer?.deployment)?.id
  if (id !== undefined) lane.acknowledged[kind].push(id)
  await untilIdle(lane.processes, transferId)
  return id !== undefined
}

/** `undefined` when there was no answer, or a refusal: the request before, which had no answer, may have been taken on. */
async function attempt<T>({ acknowledged }: Lane, request: () => Promise<T>): Promise<T | undefined> {
  try {
    return await request()
  } catch (error) {
    acknowledged.others.push(error instanceof TypeError ? 'no answer' : String(error))
    await sleep(PAUSE_MS)
    return undefined
  }
}
