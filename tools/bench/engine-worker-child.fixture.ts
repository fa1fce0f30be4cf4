import { setTimeout as sleep } from 'node:timers/promises'
import { createEngine, type StepDefinition } from '@instar/engine'
import { openStore } from '@instar/store'

/** A worker process of the engine's figures: `engine-worker-child.fixture.ts URL HOST`. */
const [, , url = '', host = ''] = process.argv
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const store = await openStore({
  url,
  dataDir: '/nonexistent',
  secretKey: Buffer.alloc(32, 7).toString('hex'),
  log,
  signal: new AbortController().signal,
})
const empty: StepDefinition = { run: () => Promise.resolve() }
const long: StepDefinition = { run: ({ signal }) => sleep(600_000, undefined, { signal }) }
process.stdout.write('up\n')
const engine = await createEngine({ store, log })
await engine.work({
  host,
  providers: { sim: { types: [8], schemas: {} } },
  steps: { GET_INSTANCE_INFO: empty, REPLICATE_DISKS: long },
  questions: { echo: body => Promise.resolve(body) },
  signal: new AbortController().signal,
})
