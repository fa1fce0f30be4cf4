import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { addEndpoints, startProcesses, untilCompleted, type Processes } from './processes.ts'

/** `INSTAR_SCALE_MACHINES=1000` is the long form. */
const MACHINES = Number(process.env['INSTAR_SCALE_MACHINES'] ?? 40)
const LIMIT_MS = 60_000 + MACHINES * 500
const WORKERS = 3
/** Of an execution as of a deployment. */
const TASKS_OF_A_MACHINE = 9
const RUNS = ['first execution', 'second execution', 'third execution', 'deployment'] as const
/** With 9,000 tasks nobody has less than half of a fair share; few tasks say less, for a loaded host starts processes unevenly. */
const LEAST_SHARE = MACHINES >= 1_000 ? 1 / 2 : 1 / 4
/** Of resident memory, whatever the number of machines. */
const MAX_MIB = 512
const SAMPLE_MS = 1_000

test(`${MACHINES} machines in one transfer, by two API and ${WORKERS} worker processes`, async t => {
  await using processes = await startProcesses({ apis: 2, workers: WORKERS, revive: false })
  const { origin, destination } = await addEndpoints(processes, MACHINES)
  const instances = Array.from({ length: MACHINES }, (_, at) => `vm-${String(at + 1).padStart(5, '0')}`)
  const transfer = { origin_endpoint_id: origin, destination_endpoint_id: destination, instances }
  const { id } = (await processes.json<{ transfer: { id: string } }>('POST', '/transfers', { transfer })).transfer
  t.diagnostic(`memory at the start: ${memoryOf(processes)}`)

  const peaks: number[][] = []
  for (const run of RUNS) {
    const began = performance.now()
    const action = await start(processes, id, run)
    const startMs = performance.now() - began
    using watching = watch(processes)
    await untilCompleted(processes, action, LIMIT_MS)
    const seconds = (performance.now() - began) / 1000
    const { samples, listMs } = await watching.end()
    peaks.push(processNames(processes).map((_, at) => Math.max(...samples.map(sample => sample[at]!))))

    const { tasks, shares, states } = await readTasks(processes, action)
    assert.deepEqual(states, ['completed'])
    assert.equal(tasks, MACHINES * TASKS_OF_A_MACHINE)
    assert.equal(shares.length, WORKERS, 'every worker had work')
    assert.ok(Math.min(...shares) > (tasks / WORKERS) * LEAST_SHARE, `the workers had ${shares.join(', ')} tasks`)
    t.diagnostic(`${run}: ${seconds.toFixed(1)} s for ${tasks} tasks (${Math.round(tasks / seconds)}/s)`)
    t.diagnostic(`started in ${Math.round(startMs)} ms; lists of transfers meanwhile took ${listMs} ms in the median`)
    t.diagnostic(`tasks by worker: ${shares.toSorted((a, b) => a - b).join(', ')}`)
    for (const part of [1, 2, 3, 4]) {
      const at = Math.round(((samples.length - 1) * part) / 4)
      t.diagnostic(
        `memory after ${part} of 4 parts of it: ${samples[at]!.map((mib, of) => `${processNames(processes)[of]} ${mib}`).join(', ')} MiB`,
      )
    }
  }
  // What V8 keeps of memory anyway is filled by then. Of the APIs one or the other writes the great answer of a start.
  for (const role of ['api', 'worker']) {
    const peakOf = (sample: readonly number[]) => Math.max(...sample.filter((_, at) => processNames(processes)[at]!.startsWith(role)))
    const before = Math.max(...peaks.slice(0, -1).map(peakOf))
    const last = peakOf(peaks.at(-1)!)
    assert.ok(last < before * 1.15 + 32, `the greatest ${role} took ${before} MiB before, and ${last} in the last run`)
    assert.ok(last < MAX_MIB, `the greatest ${role} took ${last} MiB`)
  }
})

/** Answers what has the tasks: the transfer, or the deployment. */
async function start({ json }: Processes, transferId: string, run: (typeof RUNS)[number]): Promise<string> {
  if (run !== 'deployment') {
    await json('POST', `/transfers/${transferId}/executions`, { execution: {} })
    return transferId
  }
  const deployment = { transfer_id: transferId }
  return (await json<{ deployment: { id: string } }>('POST', '/deployments', { deployment })).deployment.id
}

/** Looks once a second how much memory each process has, and how long a list takes. */
function watch(processes: Processes): Disposable & { end(): Promise<{ samples: number[][]; listMs: number }> } {
  const ending = new AbortController()
  const samples: number[][] = []
  const times: number[] = []
  const watching = (async () => {
    do {
      const began = performance.now()
      await processes.json('GET', '/transfers')
      times.push(performance.now() - began)
      samples.push(processNames(processes).map(name => residentMiB(processes, name)))
      await sleep(SAMPLE_MS, undefined, { signal: ending.signal }).catch(() => undefined)
    } while (!ending.signal.aborted)
  })()
  // Whoever ends it hears of an error; where the test fails before that, its own error counts.
  watching.catch(() => undefined)
  return {
    end: async () => {
      ending.abort()
      await watching
      return { samples, listMs: Math.round(times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!) }
    },
    [Symbol.dispose]: () => ending.abort(),
  }
}

async function readTasks({ store }: Processes, actionId: string) {
  const rows = await store.db
    .selectFrom('tasks')
    .innerJoin('executions', 'executions.id', 'tasks.execution_id')
    .select(({ fn }) => ['tasks.host', 'tasks.state', fn.countAll<string>().as('count')])
    .where('action_id', '=', actionId)
    // Clean-up for failures only.
    .where('tasks.state', '<>', 'dormant')
    .where('executions.number', '=', eb =>
      eb
        .selectFrom('executions')
        .select(({ fn }) => fn.max('number').as('last'))
        .where('action_id', '=', actionId),
    )
    .groupBy(['tasks.host', 'tasks.state'])
    .execute()
  const shares = [...Map.groupBy(rows, ({ host }) => host).values()].map(group => group.reduce((sum, { count }) => sum + Number(count), 0))
  return { shares, tasks: shares.reduce((sum, share) => sum + share, 0), states: [...new Set(rows.map(({ state }) => state))] }
}

function processNames({ apis, workers }: Processes): string[] {
  return [...apis.keys(), ...workers.keys()]
}

function residentMiB({ apis, workers }: Processes, name: string): number {
  const status = readFileSync(`/proc/${(workers.get(name) ?? apis.get(name))!.process.pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024)
}

function memoryOf(processes: Processes): string {
  return `${processNames(processes)
    .map(name => `${name} ${residentMiB(processes, name)}`)
    .join(', ')} MiB`
}
