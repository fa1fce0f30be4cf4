import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '@instar/contract'
import {
  createEngine,
  createPools,
  planDeployment,
  planDisksDelete,
  planTransferExecution,
  planTransferUpdate,
  readPlanSide,
  type Engine,
  type EngineLimits,
  type Info,
  type PlannedStep,
  type Pools,
  type WantedMinion,
} from '@instar/engine'
import type { Store } from '@instar/store'
import { createTestStore } from '@instar/store/testing'
import { offerOf } from '../providers/offer.ts'
import { simulator } from '../providers/simulator/simulator.ts'
import { filesBelow } from './files-below.fixture.ts'
import { waitFor } from './wait-for.fixture.ts'

export const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
export const signal = AbortSignal.timeout(3_600_000)
export const PROJECT = 'a'.repeat(32)
export const USER = 'b'.repeat(32)

/** What one thing of the simulated platform is called in `leftovers`. */
const TEMPORARY = ['source-resources', 'target-resources', 'morphing-resources', 'snapshots', 'instances']

export interface Moves extends AsyncDisposable {
  readonly store: Store
  readonly engine: Engine
  readonly pools: Pools
  readonly endpoints: { readonly source: string; readonly destination: string }
  /** Files of the simulated platform of these kinds; without kinds those that no execution may leave. `about`: in whose name it is. */
  things(kinds?: readonly string[], about?: string): Promise<string[]>
  /** What a thing holds. */
  contentOf(thing: string): Promise<string>
  /** Takes a thing away behind everybody's back. */
  removeThing(thing: string): Promise<void>
  /** The types of the tasks of an execution, each once, with their rules. */
  tasksOf(executionId: string): Promise<{ type: string; rule: 'success' | 'always' | 'error' }[]>
  addTransfer(instances: readonly string[], info?: Info): Promise<Transfer>
  addDeployment(transfer: Transfer, info?: Info): Promise<Transfer>
  start(action: Transfer, kind: MoveKind, options?: StartOptions): Promise<string>
  /** Waits for the end: the state, and the types of the tasks that ended otherwise than completed with their state. */
  end(executionId: string): Promise<{ state: string; others: Record<string, string>; reasons: string[] }>
  infoOf(action: Transfer): Promise<Map<string, Info>>
  /** For all machines of the action. */
  setInfo(action: Transfer, patch: Info): Promise<void>
}

export interface Transfer {
  readonly id: string
  readonly instances: readonly string[]
}
export type MoveKind = 'transfer_execution' | 'transfer_update' | 'transfer_disks_delete' | 'deployment'
export interface StartOptions {
  readonly shutdown?: boolean
  readonly skipOsMorphing?: boolean
  readonly cloneDisks?: boolean
  readonly changes?: Info
  readonly wanted?: readonly WantedMinion[]
}

export interface MovesOptions {
  readonly machines?: number
  readonly connection?: Info
  readonly limits?: EngineLimits
}

/** A transfer's surroundings on the simulated platform and a database of their own, without a worker. */
export async function openMoves(options: MovesOptions = {}): Promise<Moves> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'instar-moves-')), path => rm(path, { recursive: true }))
  const store = stack.use(await createTestStore({ prepare: { name: 'queue of 12.35.0', run: prepareQueue } }))
  const pools: Pools = createPools({ store, engine: () => engine, newId: randomUUID, now: () => new Date() })
  const engine: Engine = stack.use(await createEngine({ store, log: silent, hooks: pools.hooks, limits: options.limits ?? {} }))
  const connection = { folder, machines: options.machines ?? 10, ...options.connection }
  const endpoints = {
    source: await addEndpoint(store, connection),
    destination: await addEndpoint(store, { ...connection, prefix: 'other-' }),
  }
  const owned = stack.move()
  const scene = { store, engine, pools, endpoints }
  return {
    ...scene,
    things: async (kinds = TEMPORARY, about = '') => {
      const files = (await filesBelow(folder)).map(file => file.slice(folder.length + 1))
      return files.filter(file => kinds.includes(file.split('/')[0]!) && file.includes(about))
    },
    contentOf: thing => readFile(join(folder, thing), 'utf8'),
    removeThing: thing => rm(join(folder, thing)),
    tasksOf: id => store.db.selectFrom('tasks').select(['type', 'rule']).distinct().where('execution_id', '=', id).execute(),
    addTransfer: (instances, info = {}) => addTransfer(scene, instances, info),
    addDeployment: (transfer, info = {}) => addDeployment(scene, transfer, info),
    start: (action, kind, how = {}) => start(scene, action, { kind, how }),
    end: executionId => end(store, executionId),
    infoOf: action => engine.info.read(store.db, action.id),
    setInfo: (action, patch) => patchAll(scene, action, patch),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

type Scene = Pick<Moves, 'store' | 'engine' | 'pools' | 'endpoints'>

async function prepareQueue(store: Store): Promise<void> {
  const engine = await createEngine({ store, log: silent })
  await engine[Symbol.asyncDispose]()
}

async function addEndpoint({ db, vault }: Store, connectionInfo: Info): Promise<string> {
  const id = randomUUID()
  const connection_info = vault.seal(connectionInfo, `endpoints:${id}:connection_info`)
  const row = { id, project_id: PROJECT, user_id: USER, type: 'simulator', name: `endpoint ${id}`, connection_info }
  await db.insertInto('endpoints').values(row).execute()
  return id
}

async function addTransfer({ store, engine, endpoints }: Scene, instances: readonly string[], info: Info): Promise<Transfer> {
  const id = randomUUID()
  await addAction(store, { id, kind: 'transfer', instances })
  await store.db
    .insertInto('transfers')
    .values({
      ...moveColumns(store, 'transfers', id),
      origin_endpoint_id: endpoints.source,
      destination_endpoint_id: endpoints.destination,
    })
    .execute()
  const all = { source_environment: {}, target_environment: { network_map: {}, storage_mappings: {} }, ...info }
  await patchAll({ store, engine }, { id, instances }, all)
  return { id, instances }
}

async function addDeployment({ store, engine, endpoints }: Scene, transfer: Transfer, info: Info): Promise<Transfer> {
  const id = randomUUID()
  await addAction(store, { id, kind: 'deployment', instances: transfer.instances })
  await store.db
    .insertInto('deployments')
    .values({
      ...moveColumns(store, 'deployments', id),
      transfer_id: transfer.id,
      transfer_result: 'null',
      origin_endpoint_id: endpoints.source,
      destination_endpoint_id: endpoints.destination,
    })
    .execute()
  for (const [instance, known] of await engine.info.read(store.db, transfer.id)) {
    await patchAll({ store, engine }, { id, instances: [instance] }, { ...known, clone_disks: true, user_scripts: {}, ...info })
  }
  return { id, instances: transfer.instances }
}

function moveColumns({ vault }: Store, table: string, id: string) {
  return {
    id,
    project_id: PROJECT,
    scenario: 'replica' as const,
    settings: vault.seal({}, `${table}:${id}:settings`),
    network_map: '{}',
    storage_mappings: '{}',
    osmorphing_pools: '{}',
    clone_disks: true,
    skip_os_morphing: false,
  }
}

async function addAction(
  { db }: Store,
  action: { id: string; kind: 'transfer' | 'deployment'; instances: readonly string[] },
): Promise<void> {
  await db
    .insertInto('actions')
    .values({ id: action.id, kind: action.kind, project_id: PROJECT, user_id: USER, instances: [...action.instances] })
    .execute()
  const rows = action.instances.map((instance, position) => ({ action_id: action.id, instance, position }))
  await db.insertInto('action_instances').values(rows).execute()
}

async function patchAll({ store, engine }: Pick<Scene, 'store' | 'engine'>, { id, instances }: Transfer, patch: Info): Promise<void> {
  await store.transact(async trx => {
    await engine.info.patchAll(trx, id, new Map(instances.map(instance => [instance, patch])))
  }, signal)
}

async function start(scene: Scene, action: Transfer, { kind, how }: { kind: MoveKind; how: StartOptions }): Promise<string> {
  const { store, engine, pools, endpoints } = scene
  const steps = await planOf(scene, action, { kind, how })
  const wanted = how.wanted ?? []
  return store.transact(async trx => {
    const executionId = await engine.start(trx, {
      action: { id: action.id, projectId: PROJECT, userId: USER },
      kind,
      steps,
      endpoints,
      awaitingMinions: wanted.length > 0,
    })
    if (how.changes) {
      const changes = store.vault.seal(how.changes, `transfer_updates:${executionId}:changes`)
      const row = { execution_id: executionId, transfer_id: action.id, project_id: PROJECT, changes }
      await trx.insertInto('transfer_updates').values(row).execute()
    }
    if (wanted.length > 0) await pools.reserve(trx, { executionId, actionId: action.id, wanted })
    return executionId
  }, signal)
}

async function planOf(
  { store, endpoints }: Scene,
  { instances }: Transfer,
  { kind, how }: { kind: MoveKind; how: StartOptions },
): Promise<PlannedStep[]> {
  const source = await readPlanSide(store.db, endpoints.source)
  const destination = await readPlanSide(store.db, endpoints.destination)
  const hasPool = (role: WantedMinion['role']) => (how.wanted ?? []).some(wanted => wanted.role === role)
  switch (kind) {
    case 'transfer_execution':
      return planTransferExecution({
        instances,
        source,
        destination,
        shutdownInstances: how.shutdown ?? false,
        hasOriginPool: hasPool('origin'),
        hasDestinationPool: hasPool('destination'),
      })
    case 'transfer_update':
      return planTransferUpdate({ instances, source, destination })
    case 'transfer_disks_delete':
      return planDisksDelete({ instances, source, destination })
    case 'deployment':
      return planDeployment({
        instances,
        destination,
        destinationCapabilities: offerOf(simulator).types,
        skipOsMorphing: how.skipOsMorphing ?? false,
        cloneDisks: how.cloneDisks ?? true,
        pooledInstances: (how.wanted ?? []).filter(({ role }) => role === 'osmorphing').map(({ instance }) => instance),
      })
  }
}

async function end({ db }: Store, executionId: string): Promise<{ state: string; others: Record<string, string>; reasons: string[] }> {
  const state = await waitFor(async () => {
    const row = await db.selectFrom('executions').select(['state', 'ended_at']).where('id', '=', executionId).executeTakeFirstOrThrow()
    return row.ended_at === null ? undefined : row.state
  }, `the end of execution ${executionId}`)
  const tasks = await db
    .selectFrom('tasks')
    .select(['type', 'state', 'reason'])
    .where('execution_id', '=', executionId)
    .where('state', 'not in', ['completed', 'dormant'])
    .orderBy('idx')
    .execute()
  return {
    state,
    others: Object.fromEntries(tasks.map(({ type, state }) => [type, state])),
    reasons: tasks.flatMap(({ reason, state }) => (state === 'failed' ? [reason ?? ''] : [])),
  }
}
