import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Info } from '@instar/engine'
import { openMoves, type MoveKind, type Moves, type StartOptions, type Transfer } from '../testing/simulated-moves.fixture.ts'
import { everyStepTwice, startTestWorker } from '../testing/test-worker.fixture.ts'

// Each plan gets the tests of style.md 2.11 through the real engine; those with killed processes are in scenarios/simulator.

interface PlanCase {
  readonly name: string
  readonly kind: MoveKind
  readonly options?: StartOptions
  /** What is known of the machines of a deployment beside what the transfer knows. */
  readonly info?: Info
}

const CASES: readonly PlanCase[] = [
  { name: 'a transfer execution', kind: 'transfer_execution', options: { shutdown: true } },
  { name: 'a transfer update', kind: 'transfer_update', options: { changes: { destination_environment: { flavor: 'large' } } } },
  { name: 'the deletion of disks', kind: 'transfer_disks_delete' },
  { name: 'a deployment of clones', kind: 'deployment' },
  { name: 'a deployment without morphing', kind: 'deployment', options: { skipOsMorphing: true } },
  { name: 'a deployment of the disks themselves', kind: 'deployment', options: { cloneDisks: false }, info: { clone_disks: false } },
]
const COMPLETED = { state: 'completed', others: {}, reasons: [] }
const MACHINES = ['vm-00001', 'vm-00002']
/** Both, where the failure of one must not harm the other's replica; else one, as the plan is the same for each. */
const machinesOf = (plan: PlanCase) => (plan.options?.cloneDisks === false ? MACHINES : MACHINES.slice(0, 1))

let moves: Moves
let worker: AsyncDisposable | undefined
before(async () => {
  moves = await openMoves()
  worker = startTestWorker(moves)
})
after(async () => {
  await worker?.[Symbol.asyncDispose]()
  await moves[Symbol.asyncDispose]()
})

/** A transfer, or a deployment of one, that is ready for its execution. `faults` strike in that execution alone. */
async function prepare(on: Moves, plan: PlanCase, faults: readonly Info[] = []): Promise<Transfer> {
  const troubled = { source_environment: { faults }, target_environment: { faults, network_map: {}, storage_mappings: {} } }
  if (plan.kind === 'transfer_execution') return on.addTransfer(machinesOf(plan), troubled)
  const transfer = await on.addTransfer(machinesOf(plan))
  assert.deepEqual(await on.end(await on.start(transfer, 'transfer_execution')), COMPLETED)
  if (plan.kind === 'deployment') return on.addDeployment(transfer, { ...troubled, ...plan.info })
  await on.setInfo(transfer, troubled)
  return transfer
}

for (const plan of CASES) {
  describe(plan.name, () => {
    test('completes and leaves nothing that was needed only for it', async () => {
      const id = await moves.start(await prepare(moves, plan), plan.kind, plan.options)

      assert.deepEqual(await moves.end(id), COMPLETED)
      assert.deepEqual(await moves.things(undefined, id), [])
    })

    test('a failure at each step leaves nothing of it', async () => {
      const rehearsal = await moves.start(await prepare(moves, plan), plan.kind, plan.options)
      await moves.end(rehearsal)
      const runs = (await moves.tasksOf(rehearsal)).flatMap(({ type, rule }) =>
        // A clean-up that does not clean up leaves what it should have removed, and its failure tells.
        (rule === 'success' ? (['before', 'after'] as const) : (['after'] as const)).map(when => ({ type, rule, when })),
      )
      assert.ok(runs.length > 2)
      await Promise.all(runs.map(run => failAt(plan, run)))
    })
  })
}

async function failAt(plan: PlanCase, { type, rule, when }: { type: string; rule: string; when: 'before' | 'after' }): Promise<void> {
  // A clean-up that is only for failures needs one.
  const waker = rule === 'error' ? [{ task: 'FINALIZE_INSTANCE_DEPLOYMENT', kind: 'fail' }] : []
  const action = await prepare(moves, plan, [{ task: type, when, kind: 'fail' }, ...waker])
  const replica = await contentsOf(await moves.infoOf(action))
  const id = await moves.start(action, plan.kind, plan.options)
  const { state, reasons } = await moves.end(id)

  const what = `${type} ${when}`
  assert.equal(state, 'failed', what)
  assert.ok(
    reasons.some(reason => reason.includes(`simulated fault (fail, ${when}) at ${type}`)),
    `${what}: ${reasons.join('; ')}`,
  )
  assert.deepEqual(await moves.things(undefined, id), [], what)
  assert.deepEqual(await moves.things(['machines'], id), [], what)
  const known = new Set([...(await moves.infoOf(action)).values()].flatMap(volumeFiles))
  const made = await moves.things(['volumes'], id)
  assert.deepEqual(
    made.filter(volume => !known.has(volume)),
    [],
    what,
  )
  // With the snapshots of disks that became a machine's own, the way back is gone.
  const isBeyondReturn = plan.options?.cloneDisks === false && what === 'DELETE_TRANSFER_TARGET_DISK_SNAPSHOTS after'
  if (plan.kind === 'deployment' && !isBeyondReturn) assert.deepEqual(await contentsOf(await moves.infoOf(action)), replica, what)
}

function volumeFiles(info: Info): string[] {
  const volumes = (info['volumes_info'] ?? []) as { volume_id: string }[]
  return volumes.map(({ volume_id }) => `volumes/${encodeURIComponent(volume_id)}.json`)
}

async function contentsOf(infos: ReadonlyMap<string, Info>): Promise<string[]> {
  return Promise.all([...infos.values()].flatMap(volumeFiles).map(file => moves.contentOf(file)))
}

describe('when every step is done twice', () => {
  let twice: Moves
  let worker: AsyncDisposable | undefined
  before(async () => {
    twice = await openMoves()
    worker = startTestWorker(twice, everyStepTwice)
  })
  after(async () => {
    await worker?.[Symbol.asyncDispose]()
    await twice[Symbol.asyncDispose]()
  })

  for (const plan of CASES) {
    test(`${plan.name} completes and leaves nothing`, async () => {
      const id = await twice.start(await prepare(twice, plan), plan.kind, plan.options)

      assert.deepEqual(await twice.end(id), COMPLETED)
      assert.deepEqual(await twice.things(undefined, id), [])
    })
  }
})

test('a replica is copied again into its volumes, and deleted with what was kept for it', async () => {
  await using alone = await openMoves()
  await using _worker = startTestWorker(alone)
  const transfer = await alone.addTransfer(MACHINES)
  await alone.end(await alone.start(transfer, 'transfer_execution'))
  const volumes = await alone.things(['volumes'])
  await alone.end(await alone.start(transfer, 'transfer_execution', { shutdown: true }))

  assert.deepEqual(await alone.things(['volumes']), volumes)
  assert.deepEqual(await alone.things(['shutdowns']), ['shutdowns/vm-00001.json', 'shutdowns/vm-00002.json'])
  const generations = await Promise.all(volumes.map(async file => JSON.parse(await alone.contentOf(file)) as { replica_state: Info }))
  assert.deepEqual(
    generations.map(volume => volume.replica_state['generation']),
    [2, 2],
  )
  await alone.end(await alone.start(transfer, 'transfer_disks_delete'))
  assert.deepEqual(await alone.things(['volumes', 'source-snapshots']), [])
})

test('a disk that machines share is copied once, with its owner', async () => {
  await using alone = await openMoves({ connection: { shared_disks: 1 } })
  await using _worker = startTestWorker(alone)
  const transfer = await alone.addTransfer(MACHINES)
  await alone.end(await alone.start(transfer, 'transfer_execution'))

  const infos = await alone.infoOf(transfer)
  const disks = MACHINES.map(machine =>
    ((infos.get(machine)?.['volumes_info'] ?? []) as { disk_id: string }[]).map(({ disk_id }) => disk_id),
  )
  assert.deepEqual(disks, [['disk-1-0', 'shared-0'], ['disk-2-0']])
  const { devices } = infos.get('vm-00002')!['export_info'] as { devices: { disks: { id: string; owner: string }[] } }
  assert.deepEqual(
    devices.disks.map(({ id, owner }) => [id, owner]),
    [
      ['disk-2-0', 'vm-00002'],
      ['shared-0', 'vm-00001'],
    ],
  )
})

test('a deployment tells of the machine that it made', async () => {
  const plan = CASES[3]!
  const deployment = await prepare(moves, plan)
  await moves.end(await moves.start(deployment, plan.kind))

  const result = (await moves.infoOf(deployment)).get('vm-00001')?.['transfer_result'] as { name: string; flavor_name: string }
  assert.equal(result.name, 'vm-00001')
  assert.equal(result.flavor_name, 'medium')
})

test('scripts that would run are recorded with the deployment, and one that fails ends it', async () => {
  const script = (payload: string, phase: string) => ({ payload, phase })
  const global = { linux: [script('echo a', 'osmorphing_post_os_mount'), script('# simulate: exit 7', 'osmorphing_pre_os_dismount')] }
  const deployment = await prepare(moves, { ...CASES[3]!, info: { user_scripts: { global, instances: {} } } })
  const id = await moves.start(deployment, 'deployment')
  const { state, reasons } = await moves.end(id)

  assert.equal(state, 'failed')
  assert.match(reasons.join(), /osmorphing_pre_os_dismount script .* failed with exit code 7/)
  const runs = await moves.engine.scripts.list(id)
  assert.deepEqual(
    runs.map(({ instance, run }) => [instance, run.phase, run.order, run.exit_code]),
    [
      ['vm-00001', 'osmorphing_post_os_mount', 1, 0],
      ['vm-00001', 'osmorphing_pre_os_dismount', 1, 7],
    ],
  )
})

test('settings that the schema refuses fail the first task, and a secret value is not repeated', async () => {
  const transfer = await moves.addTransfer(['vm-00003'], { source_environment: { content: 'canary-text' } })
  const { state, reasons } = await moves.end(await moves.start(transfer, 'transfer_execution'))

  assert.equal(state, 'failed')
  assert.match(reasons.join('\n'), /the source environment does not fit: "content" is .*\[provider.refused\]/)
  assert.doesNotMatch(reasons.join('\n'), /canary-text/)
})
