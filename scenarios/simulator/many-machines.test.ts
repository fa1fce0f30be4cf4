import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { addEndpoints, startProcesses, untilEnded, type Processes } from './processes.ts'

/** `INSTAR_SCALE_MACHINES=1000` is the long form. */
const MACHINES = Number(process.env['INSTAR_SCALE_MACHINES'] ?? 40)
const LIMIT_MS = 60_000 + MACHINES * 2_000
const WORKERS = 3

test(`${MACHINES} machines in one transfer, by two API and ${WORKERS} worker processes`, async t => {
  await using processes = await startProcesses({ apis: 2, workers: WORKERS, revive: false })
  const { origin, destination } = await addEndpoints(processes, MACHINES)
  const instances = Array.from({ length: MACHINES }, (_, at) => `vm-${String(at + 1).padStart(5, '0')}`)
  const transfer = { origin_endpoint_id: origin, destination_endpoint_id: destination, instances }
  const { id } = (await processes.json<{ transfer: { id: string } }>('POST', '/transfers', { transfer })).transfer

  for (const round of ['first', 'second']) {
    const before = rssOf(processes)
    const began = performance.now()
    await processes.json('POST', `/transfers/${id}/executions`, { execution: {} })
    const startMs = performance.now() - began
    assert.equal(await untilEnded(processes, id, LIMIT_MS), 'completed')
    const seconds = (performance.now() - began) / 1000

    const { tasks, shares, states } = await readTasks(processes, id)
    assert.deepEqual(states, ['completed'])
    assert.equal(tasks, MACHINES * 9)
    const [least, most] = [Math.min(...shares), Math.max(...shares)]
    assert.equal(shares.length, WORKERS, 'every worker had work')
    // Fair: nobody idles while others have all the work. The bound is wide, as a loaded host starts processes unevenly.
    assert.ok(least > tasks / WORKERS / 4, `the workers had ${shares.join(', ')} tasks`)
    t.diagnostic(
      `${round} execution: ${seconds.toFixed(1)} s for ${tasks} tasks (${Math.round(tasks / seconds)}/s), started in ${Math.round(startMs)} ms`,
    )
    t.diagnostic(`tasks by worker: ${least} to ${most}; memory in MiB, before > after: ${rssTable(before, rssOf(processes))}`)
  }
})

async function readTasks({ store }: Processes, transferId: string) {
  const rows = await store.db
    .selectFrom('tasks')
    .innerJoin('executions', 'executions.id', 'tasks.execution_id')
    .select(({ fn }) => ['tasks.host', 'tasks.state', fn.countAll<string>().as('count')])
    .where('action_id', '=', transferId)
    .where('executions.number', '=', eb =>
      eb
        .selectFrom('executions')
        .select(({ fn }) => fn.max('number').as('last'))
        .where('action_id', '=', transferId),
    )
    .groupBy(['tasks.host', 'tasks.state'])
    .execute()
  const shares = [...Map.groupBy(rows, ({ host }) => host).values()].map(group => group.reduce((sum, { count }) => sum + Number(count), 0))
  return { shares, tasks: shares.reduce((sum, share) => sum + share, 0), states: [...new Set(rows.map(({ state }) => state))] }
}

/** Resident memory of each process by its name. */
function rssOf({ apis, workers }: Processes): Map<string, number> {
  const named = [...apis.map((api, at) => [`api-${at + 1}`, api] as const), ...workers]
  return new Map(
    named.map(([name, { process }]) => {
      const status = readFileSync(`/proc/${process.pid}/status`, 'utf8')
      return [name, Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024)]
    }),
  )
}

function rssTable(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string {
  return [...before].map(([name, mib]) => `${name} ${mib} > ${after.get(name)}`).join(', ')
}
