import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openStore, type Store } from '@instar/store'
import { survivorsNaming } from '../kill/leftovers.ts'
import { startLoad, type Load } from './load.ts'
import { startProcesses, type Processes } from './processes.ts'

// APIs, workers and PostgreSQL are killed at random moments while all kinds of work go on.

/** `INSTAR_KILL_ROUNDS=100` is the long form. */
const ROUNDS = Number(process.env['INSTAR_KILL_ROUNDS'] ?? 10)
/** Between two kills: both sooner than the last one is mended, and later. */
const [LEAST_PAUSE_MS, MOST_PAUSE_MS] = [200, 4_000]
/** Each kind of work is at its end by then, whoever was killed last. */
const SETTLE_MS = 180_000
const KEY = Buffer.alloc(32, 7).toString('hex')
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

test(
  `whatever is killed, all work that was taken on is done, once, and nothing is left (${ROUNDS} rounds)`,
  { timeout: 300_000 + ROUNDS * 10_000 },
  async t => {
    await using stack = new AsyncDisposableStack()
    const dataDir = stack.adopt(await mkdtemp(join(tmpdir(), 'instar-kills-')), path => rm(path, { recursive: true, force: true }))
    await chmod(dataDir, 0o755)
    const store = stack.use(await openStore({ dataDir, secretKey: KEY, log: silent, signal: new AbortController().signal }))
    const running = new AsyncDisposableStack()
    stack.use(running)
    const processes = running.use(await startProcesses({ apis: 2, workers: 3, revive: true, database: { store, secretKey: KEY } }))
    const load = await startLoad(processes)

    const killed = new Map<string, number>()
    for (let round = 0; round < ROUNDS; round += 1) {
      await sleep(LEAST_PAUSE_MS + Math.random() * (MOST_PAUSE_MS - LEAST_PAUSE_MS))
      const victim = await killSomething(processes, dataDir)
      killed.set(victim, (killed.get(victim) ?? 0) + 1)
    }
    await load.stop()
    await untilAllEnded(store)
    await processes.revived()

    await assertAcknowledged(store, load)
    await assertNothingTwice(store, processes)
    await assertNothingLeft(store, processes)
    for (const o of load.acknowledged.others) t.diagnostic(o.replace(/[0-9a-f-]{36}/g, 'ID').slice(0, 200))
    t.diagnostic(`killed: ${[...killed].map(([what, times]) => `${what} ${times}`).join(', ')}`)
    t.diagnostic(await summaryOf(store, load))
    const { dir } = processes
    await running.disposeAsync()
    assert.deepEqual(await survivorsNaming(dir), [])
  },
)

/** Answers what it was. One worker always lives: work that no worker is there for fails to be scheduled after 10 s, and a slow host starts none sooner. */
async function killSomething({ apis, workers }: Processes, dataDir: string): Promise<string> {
  const what = pick(['API', 'worker', 'worker', 'PostgreSQL', 'process of PostgreSQL'])
  if (what === 'API' || what === 'worker') {
    const alive = [...(what === 'API' ? apis : workers).values()].filter(
      ({ process }) => process.exitCode === null && process.signalCode === null,
    )
    if (what === 'worker' && alive.length < 2) return 'no worker, as only one was left'
    if (alive.length > 0) pick(alive).process.kill('SIGKILL')
    return what
  }
  try {
    const postmaster = Number((await readFile(join(dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8')).split('\n')[0])
    const children = (await readFile(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8')).trim().split(' ').map(Number)
    process.kill(what === 'PostgreSQL' ? postmaster : pick(children.filter(pid => pid > 0)), 'SIGKILL')
    return what
  } catch {
    return 'PostgreSQL while it was down'
  }
}

function pick<T>(all: readonly T[]): T {
  return all[Math.floor(Math.random() * all.length)]!
}

async function untilAllEnded(store: Store): Promise<void> {
  for (const end = performance.now() + SETTLE_MS; ; await sleep(200)) {
    const open = await store.retry(
      () => store.db.selectFrom('executions').select(['id', 'kind', 'state']).where('ended_at', 'is', null).execute(),
      AbortSignal.timeout(SETTLE_MS),
    )
    if (open.length === 0) return
    if (performance.now() > end) throw new Error(`these have not ended: ${JSON.stringify(open)}`)
  }
}

/** No acknowledged fact is lost; and as no fault was simulated, no work failed for a kill, whether its request had an answer or not. */
async function assertAcknowledged({ db }: Store, { acknowledged }: Load): Promise<void> {
  const executions = await db.selectFrom('executions').select(['id', 'action_id', 'kind', 'state']).execute()
  const failed = executions.filter(({ state }) => state !== 'completed')
  const reasons = await db.selectFrom('tasks').select(['execution_id', 'type', 'state', 'reason']).where('reason', 'is not', null).execute()
  assert.deepEqual(
    failed.map(execution => ({ ...execution, tasks: reasons.filter(({ execution_id }) => execution_id === execution.id) })),
    [],
  )
  const strange = acknowledged.others.filter(other => other !== 'no answer' && !/: (409|400|503) /.test(other))
  assert.deepEqual(strange, [], 'a request ended as only a defect lets it')
  const known = new Set(executions.flatMap(({ id, action_id }) => [id, action_id]))
  assert.deepEqual(
    [...acknowledged.executions, ...acknowledged.deployments].filter(id => !known.has(id)),
    [],
  )
  for (const { id, notes } of await db.selectFrom('transfers').select(['id', 'notes']).execute()) {
    assert.ok(Number(notes) >= (acknowledged.notes.get(id) ?? 0), `${id} says ${notes}, and ${acknowledged.notes.get(id)} was taken on`)
  }
}

/** Each copy that completed made one generation of each disk, each deployment that completed one machine of each instance. */
async function assertNothingTwice({ db }: Store, processes: Processes): Promise<void> {
  const done = await db
    .selectFrom('executions')
    .leftJoin('deployments', 'deployments.id', 'executions.action_id')
    .select(['kind', 'executions.action_id', 'deployments.transfer_id', 'deployments.clone_disks', 'deployments.transfer_result'])
    .where('kind', 'in', ['transfer_execution', 'transfer_disks_delete', 'deployment'])
    .orderBy('executions.created_at')
    .execute()
  const generations = new Map<string, number>()
  const machines = new Set<string>()
  for (const { kind, action_id, transfer_id, clone_disks, transfer_result } of done) {
    if (kind === 'transfer_execution') generations.set(action_id, (generations.get(action_id) ?? 0) + 1)
    if (kind === 'transfer_disks_delete') generations.set(action_id, 0)
    if (kind === 'deployment' && clone_disks === false) generations.set(transfer_id!, 0)
    for (const { id } of Object.values((transfer_result ?? {}) as Record<string, { id: string }>)) machines.add(id)
  }
  assert.deepEqual(new Set(await namesOf(processes, 'machines')), machines)
  for (const [transferId, volumes] of await volumesOf(processes)) {
    for (const { volume_id } of volumes) {
      const text = await readFile(join(processes.platform, 'volumes', `${encodeURIComponent(volume_id)}.json`), 'utf8')
      const { replica_state } = JSON.parse(text) as { replica_state: { generation: number } }
      assert.equal(replica_state.generation, generations.get(transferId), `generations of ${volume_id} of transfer ${transferId}`)
    }
  }
}

/** On the platform is what our tables say, and nothing else; the queue is empty. */
async function assertNothingLeft({ db }: Store, processes: Processes): Promise<void> {
  for (const kind of ['source-resources', 'target-resources', 'morphing-resources', 'snapshots', 'instances'])
    assert.deepEqual(await namesOf(processes, kind), [], kind)
  const ofMachines = await Promise.all(
    (await namesOf(processes, 'machines')).map(async name => {
      const text = await readFile(join(processes.platform, 'machines', `${encodeURIComponent(name)}.json`), 'utf8')
      return (JSON.parse(text) as { disks: string[] }).disks
    }),
  )
  const ofReplicas = [...(await volumesOf(processes)).values()].flat().map(({ volume_id }) => volume_id)
  assert.deepEqual((await namesOf(processes, 'volumes')).toSorted(), [...ofMachines.flat(), ...ofReplicas].toSorted())
  const pools = await db.selectFrom('minion_pools').select('status').execute()
  assert.ok(
    pools.every(({ status }) => status === 'ALLOCATED' || status === 'DEALLOCATED'),
    JSON.stringify(pools),
  )
  assert.equal((await namesOf(processes, 'pool-shared')).length, pools.filter(({ status }) => status === 'ALLOCATED').length)
  const minions = await db.selectFrom('minion_machines').select(['allocation_status', 'details', 'reserved_for']).execute()
  assert.ok(
    minions.every(minion => minion.allocation_status === 'AVAILABLE' && minion.details !== null && minion.reserved_for === null),
    JSON.stringify(minions.map(({ allocation_status, reserved_for }) => ({ allocation_status, reserved_for }))),
  )
  assert.equal((await namesOf(processes, 'minions')).length, minions.length)
  assert.deepEqual(await jobsLeft(db), [])
}

/** Of each transfer, the disks of its replica as our tables know them. */
async function volumesOf({ store, json }: Processes): Promise<Map<string, { volume_id: string }[]>> {
  type Known = { transfer: { info: Record<string, { volumes_info?: { volume_id: string }[] }> } }
  const transfers = await store.db.selectFrom('transfers').select('id').execute()
  const known = transfers.map(async ({ id }) => {
    const { transfer } = await json<Known>('GET', `/transfers/${id}?include_task_info=true`)
    return [id, Object.values(transfer.info).flatMap(({ volumes_info = [] }) => volumes_info)] as const
  })
  return new Map(await Promise.all(known))
}

/** What the simulated platform has of a kind. */
async function namesOf({ platform }: Processes, kind: string): Promise<string[]> {
  const entries = await readdir(join(platform, kind)).catch(() => [])
  return entries.filter(name => name.endsWith('.json')).map(name => decodeURIComponent(name.slice(0, -'.json'.length)))
}

async function jobsLeft(db: Store['db']): Promise<string[]> {
  const queue = db.withTables<{ 'pgboss.job': { name: string } }>()
  const rows = await queue.selectFrom('pgboss.job').select('name').where('name', 'like', 'steps.%').execute()
  return rows.map(({ name }) => name)
}

async function summaryOf({ db }: Store, { acknowledged }: Load): Promise<string> {
  const tasks = await db.selectFrom('tasks').select(['type', 'attempt']).execute()
  const kinds = await db.selectFrom('executions').select('kind').execute()
  const byKind = [...Map.groupBy(kinds, ({ kind }) => kind)].map(([kind, all]) => `${all.length} ${kind}`)
  const again = tasks.filter(({ attempt }) => attempt > 1)
  const types = new Set(again.map(({ type }) => type))
  const taken = acknowledged.executions.length + acknowledged.deployments.length
  return (
    `${byKind.join(', ')}; ${tasks.length} tasks, ${again.length} of them begun again (${[...types].toSorted().join(', ')}); ` +
    `${taken} requests taken on, ${acknowledged.others.length} not (${acknowledged.others.filter(other => other === 'no answer').length} had no answer)`
  )
}
