import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { InstarError } from '@instar/contract'
import { openStore } from '@instar/store'
import { createEngine } from '../create-engine.ts'
import type { StepContext, StepDefinition } from './step.ts'

/** A worker process that the tests kill: `worker-child.fixture.ts URL HOST`. Its steps note in a table `efforts` what they do. */
const [, , url = '', host = ''] = process.argv
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

const note = ({ store, task }: StepContext, what: string): Promise<unknown> =>
  store.retry(
    () => sql`insert into efforts (task_id, attempt, host, what) values (${task.id}, ${task.attempt}, ${host}, ${what})`.execute(store.db),
    AbortSignal.timeout(60_000),
  )

const working: StepDefinition = {
  run: async context => {
    await note(context, 'run')
    const { ms = 30, group = false } = context.execution.options as { ms?: number; group?: boolean }
    if (group) {
      const child = context.processes.spawn(['sleep', '600'], { stdio: 'ignore' })
      await note(context, `pid ${child.pid}`)
    }
    await sleep(ms * (0.5 + Math.random()), undefined, { signal: context.signal })
    if (Math.random() < 0.03) throw new InstarError('provider.unavailable', 'the platform hiccups')
    return { [`${context.task.type} of attempt`]: context.task.attempt }
  },
  undo: async context => void (await note(context, 'undo')),
  retries: 50,
}

const store = await openStore({
  url,
  dataDir: '/nonexistent',
  secretKey: Buffer.alloc(32, 7).toString('hex'),
  log,
  signal: new AbortController().signal,
})
const stopping = new AbortController()
process.once('SIGTERM', () => stopping.abort())
process.stdout.write('up\n')
const steps = {
  GET_INSTANCE_INFO: working,
  DEPLOY_TRANSFER_DISKS: working,
  REPLICATE_DISKS: working,
  DELETE_TRANSFER_SOURCE_RESOURCES: working,
}
const engine = await createEngine({ store, log })
await engine.work({ host, providers: { sim: { types: [8], schemas: {} } }, steps, limits: { steps: 8 }, signal: stopping.signal })
await engine[Symbol.asyncDispose]()
await store[Symbol.asyncDispose]()
