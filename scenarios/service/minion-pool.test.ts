import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildGuest, heavy, requires } from '@instar/fixtures'
import { openAppliance } from '@instar/machine'
import { qemuPids } from '../kill/leftovers.ts'
import { startProcesses, untilCompleted, untilEnded, type Processes } from '../simulator/processes.ts'

// A real guest is deployed on a warm appliance of a minion pool, which lives in one of two worker processes.

const skip = requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env)
const signal = AbortSignal.timeout(900_000)
const cacheDir = process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar'
const LIMIT_MS = 300_000

interface Minion {
  readonly id: string
  readonly allocation_status: string
  readonly power_status: string
  readonly allocated_action: string | null
}
interface Pool {
  readonly id: string
  readonly status: string
  readonly minion_machines: readonly Minion[]
  readonly events: readonly { readonly message: string }[]
}
interface ScriptRun {
  readonly phase: string
  readonly name: string
  readonly exit_code: number | null
  readonly started_at: string
}
interface Task {
  readonly task_type: string
  readonly host: string
  readonly exception_details: string | null
  readonly events: readonly { readonly message: string }[]
}
interface Deployment {
  readonly id: string
  readonly created_at: string
  readonly tasks: readonly Task[]
}

const script = (phase: string, name: string, lines: string) => ({ phase, name, payload: `#!/bin/sh\n${lines}\n` })
/** What a morph may leave in its minion: a file, a device, a process. */
const LITTER = 'echo canary >/tmp/left-behind; dmsetup create left --notable; setsid sleep 1000 & echo $! >/tmp/pid'
const SWEPT = 'ls -A /tmp; dmsetup ls; ps -ef | grep -c "[s]leep 1000"; test ! -e /tmp/left-behind && ! dmsetup info left'
const scriptsOf = (preMount: string, postMount: string) => ({
  global: {
    linux: [
      script('osmorphing_pre_os_mount', '10-first', preMount),
      script('osmorphing_post_os_mount', '20-work', postMount),
      script('osmorphing_pre_os_dismount', '30-last', 'test -d "$1/etc"'),
      script('osmorphing_on_error', '90-tell', 'echo "$INSTAR_FAILED_SCRIPT"'),
      script('replica_first_boot', '40-hello', 'echo hello'),
    ],
  },
})

describe('a pool of warm appliances', { skip, concurrency: false }, () => {
  let processes: Processes
  let turn: AsyncDisposable
  let transfer = ''
  let poolId = ''
  const folder = skip === false ? mkdtempSync(join(tmpdir(), 'instar-pool-')) : ''
  const [from, to] = [join(folder, 'from'), join(folder, 'to')]

  before(async () => {
    const openMachine = (disks: Parameters<typeof openAppliance>[0]['disks']) =>
      openAppliance({ cacheDir, runtimeDir: join(folder, 'runtime'), disks, signal })
    const guest = await buildGuest({ variant: 'ext4', cacheDir, signal, openMachine })
    turn = await heavy(signal)
    mkdirSync(join(from, 'web-01'), { recursive: true })
    mkdirSync(to)
    copyFileSync(guest.file, join(from, 'web-01', 'system.qcow2'))
    writeFileSync(join(from, 'web-01', 'machine.yaml'), 'memory_mb: 512\ndisks: [{ file: system.qcow2 }]\nnics: []\n')
    processes = await startProcesses({ apis: 1, workers: 2, revive: false, platforms: 'disk-images' })
    const [origin, destination] = [await addEndpoint('from', from), await addEndpoint('to', to)]
    transfer = await addTransfer(origin, destination)
    await processes.json('POST', `/transfers/${transfer}/executions`, { execution: {} })
    await untilCompleted(processes, transfer, LIMIT_MS)
    const minion_pool = {
      name: 'warm',
      endpoint_id: destination,
      platform: 'destination',
      os_type: 'linux',
      environment_options: { accel: 'tcg' },
      minimum_minions: 1,
      maximum_minions: 2,
      minion_max_idle_time: 3600,
      skip_allocation: true,
    }
    poolId = (await processes.json<{ minion_pool: Pool }>('POST', '/minion_pools', { minion_pool })).minion_pool.id
  })
  after(async () => {
    if (skip !== false) return
    await processes?.[Symbol.asyncDispose]()
    await turn?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  async function addEndpoint(name: string, place: string): Promise<string> {
    const endpoint = { name, type: 'disk-images', connection_info: { folder: place } }
    return (await processes.json<{ endpoint: { id: string } }>('POST', '/endpoints', { endpoint })).endpoint.id
  }

  async function addTransfer(origin: string, destination: string): Promise<string> {
    const ends = { origin_endpoint_id: origin, destination_endpoint_id: destination }
    const body = { ...ends, instances: ['web-01'], destination_environment: { network_map: {}, accel: 'tcg' } }
    return (await processes.json<{ transfer: { id: string } }>('POST', '/transfers', { transfer: body })).transfer.id
  }

  const pool = async () => (await processes.json<{ minion_pool: Pool }>('GET', `/minion_pools/${poolId}`)).minion_pool

  async function act(action: string): Promise<void> {
    await processes.json('POST', `/minion_pools/${poolId}/actions`, { [action]: null })
  }

  async function until(what: string, fits: (pool: Pool) => boolean): Promise<Pool> {
    for (const end = performance.now() + LIMIT_MS; ; await sleep(50)) {
      const seen = await pool()
      if (fits(seen)) return seen
      if (performance.now() > end) assert.fail(`${what}: ${JSON.stringify(seen)}`)
    }
  }

  const isReady = ({ minion_machines: minions }: Pool) =>
    minions.map(({ allocation_status, power_status }) => `${allocation_status} ${power_status}`).join() === 'AVAILABLE POWERED_ON'
  const holder = async () =>
    (await processes.store.db.selectFrom('minion_machines').select('held_by').where('pool_id', '=', poolId).executeTakeFirst())?.held_by

  async function begin(more: object): Promise<string> {
    const deployment = { transfer_id: transfer, clone_disks: true, skip_os_morphing: false, ...more }
    return (await processes.json<{ deployment: Deployment }>('POST', '/deployments', { deployment })).deployment.id
  }
  const onPool = () => ({ instance_osmorphing_minion_pool_mappings: { 'web-01': poolId } })
  const show = async (id: string) => (await processes.json<{ deployment: Deployment }>('GET', `/deployments/${id}`)).deployment
  const scriptRuns = async (id: string) =>
    (await processes.json<{ script_runs: ScriptRun[] }>('GET', `/deployments/${id}/script-runs`, undefined, 'instar/v1')).script_runs
  const namesOf = (runs: readonly ScriptRun[]) => runs.map(({ name, exit_code }) => `${name} ${exit_code}`)
  async function untilScript(id: string): Promise<void> {
    for (const end = performance.now() + LIMIT_MS; (await scriptRuns(id)).length === 0; await sleep(50)) {
      if (performance.now() > end) assert.fail(`deployment ${id} runs no script`)
    }
  }
  async function firstScriptMs(id: string): Promise<number> {
    const [first] = await scriptRuns(id)
    return Date.parse(first!.started_at) - Date.parse(`${(await show(id)).created_at}Z`)
  }
  const runningQemus = () => qemuPids(processes.stateDir).filter(pid => existsSync(`/proc/${pid}/exe`))

  let withoutMs = 0
  test('without it a deployment starts its minions itself', async () => {
    const id = await begin({ user_scripts: scriptsOf('true', 'true') })

    await untilCompleted(processes, id, LIMIT_MS)
    withoutMs = await firstScriptMs(id)
    assert.deepEqual(runningQemus(), [])
  })

  test('is allocated: an appliance runs in one of the workers', async t => {
    const began = performance.now()
    await act('allocate')
    const seen = await until('allocated', ({ status }) => status === 'ALLOCATED')

    t.diagnostic(`allocated in ${Math.round(performance.now() - began)} ms`)
    assert.ok(isReady(seen), JSON.stringify(seen.minion_machines))
    assert.equal(runningQemus().length, 1)
    assert.match((await holder()) ?? '', /^worker-[12]$/)
  })

  test('a refresh asks it for a sign of life, and leaves it', async () => {
    const before = runningQemus()
    await act('refresh')

    const seen = await until('checked', found => isReady(found) && found.events.some(({ message }) => message.startsWith('Checking ')))
    assert.ok(!seen.events.some(({ message }) => message.includes('failed')))
    assert.deepEqual(runningQemus(), before)
  })

  test('one that is killed while it is idle is replaced at once', async t => {
    const [qemu] = runningQemus()
    const where = await holder()
    const began = performance.now()
    process.kill(qemu!, 'SIGKILL')

    const seen = await until('replaced', found => isReady(found) && runningQemus().length === 1 && runningQemus()[0] !== qemu)
    const tookMs = performance.now() - began
    t.diagnostic(`replaced in ${Math.round(tookMs)} ms`)
    // Sooner than the next look at all machines.
    assert.ok(tookMs < 5_000, `${tookMs} ms`)
    assert.ok(seen.events.some(({ message }) => message.endsWith(`which lived inside the worker ${where}, is gone`)))
  })

  let failed = ''
  test('a deployment takes it, its disks are plugged in, and a fresh one is there afterwards, whatever scripts did to it', async t => {
    const [before] = runningQemus()
    const where = await holder()
    failed = await begin({ ...onPool(), user_scripts: scriptsOf(LITTER, 'exit 7') })
    const inUse = await until('in use', ({ minion_machines: [minion] }) => minion?.allocation_status === 'IN_USE')
    assert.equal(inUse.minion_machines[0]?.allocated_action, failed)

    assert.equal(await untilEnded(processes, failed, LIMIT_MS), 'failed')
    assert.deepEqual(namesOf(await scriptRuns(failed)), ['10-first 0', '20-work 7', '90-tell 0'])
    const onMinion = (await show(failed)).tasks.filter(({ task_type }) => /OSMORPHING_MINION|OS_MORPHING/.test(task_type))
    const hosts = onMinion.filter(({ task_type }) => !task_type.startsWith('RELEASE')).map(({ host }) => host)
    assert.deepEqual(new Set(hosts), new Set([where]))
    t.diagnostic(`from the deployment to its first script: ${withoutMs} ms without the pool, ${await firstScriptMs(failed)} ms with it`)
    await until('available again', isReady)
    assert.equal(runningQemus().length, 1)
    assert.notEqual(runningQemus()[0], before)
  })

  test('the next deployment goes on with the kept disks on it, and finds nothing of the last one', async () => {
    const id = await begin({ ...onPool(), user_scripts: scriptsOf(SWEPT, 'echo repaired'), resume_from: failed })

    await untilCompleted(processes, id, LIMIT_MS)
    assert.deepEqual(namesOf(await scriptRuns(id)), ['10-first 0', '20-work 0', '30-last 0'])
    const morph = (await show(id)).tasks.find(({ task_type }) => task_type === 'OS_MORPHING')
    assert.ok(
      morph?.events.some(({ message }) => message.includes('1 scripts for the first boot')),
      JSON.stringify(morph?.events),
    )
    assert.ok(existsSync(join(to, 'web-01-2', 'start')))
    await until('available again', isReady)
  })

  test('a worker that is killed takes its appliances with it; its deployment goes on elsewhere and the pool heals', async t => {
    const name = (await holder()) ?? ''
    const [qemu] = runningQemus()
    const id = await begin({ ...onPool(), user_scripts: scriptsOf('sleep 5', 'true') })
    await untilScript(id)
    const killed = performance.now()
    processes.workers.get(name)?.process.kill('SIGKILL')
    await processes.workers.get(name)?.exited
    while (existsSync(`/proc/${qemu}/exe`)) await sleep(10)
    t.diagnostic(`its QEMU was gone ${Math.round(performance.now() - killed)} ms after the kill`)

    await untilCompleted(processes, id, LIMIT_MS)
    assert.ok((await show(id)).tasks.some(({ events }) => events.some(({ message }) => message.includes('The minion of the pool is gone'))))
    assert.deepEqual(namesOf((await scriptRuns(id)).slice(-3)), ['10-first 0', '20-work 0', '30-last 0'])
    t.diagnostic(`the deployment had ended ${Math.round(performance.now() - killed)} ms after the kill`)
    await until('healed', seen => isReady(seen) && runningQemus().length === 1)
    t.diagnostic(`the pool had healed ${Math.round(performance.now() - killed)} ms after the kill`)
    const other = name === 'worker-1' ? 'worker-2' : 'worker-1'
    assert.equal(await holder(), other)
    const { events } = await pool()
    assert.ok(events.some(({ message }) => message.endsWith(`which lived inside the worker ${name}, is gone`)))
  })

  test('is deallocated, and nothing runs any more', async () => {
    await act('deallocate')
    await until('deallocated', ({ status, minion_machines }) => status === 'DEALLOCATED' && minion_machines.length === 0)

    assert.deepEqual(runningQemus(), [])
  })
})
