import { randomUUID } from 'node:crypto'
import type { Log } from '@instar/contract'
import type { DestinationCall } from '../destination-half.ts'
import type { Call, TaskCall } from '../provider.ts'
import type { ProviderFixture } from './fixture.ts'

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

interface Overrides {
  readonly signal?: AbortSignal
  readonly connection?: unknown
}

/** Calls as the worker makes them, with settings that went through the schemas. */
export function callsOf(fixture: ProviderFixture, key: string = randomUUID()) {
  const { provider, source, destination, pool } = fixture
  const question = (environment: unknown, overrides: Overrides = {}): Call<unknown, unknown> => ({
    purpose: 'suite',
    connection: provider.connection.parse(overrides.connection ?? fixture.connection),
    environment,
    signal: overrides.signal ?? new AbortController().signal,
    log: silent,
  })
  const task = (environment: unknown, overrides?: Overrides): TaskCall<unknown, unknown> => ({
    ...question(environment, overrides),
    key,
    instance: source?.machine ?? key,
    progress: () => {},
    event: () => {},
  })
  return {
    source: (overrides?: Overrides) => task(provider.source?.environment.parse(source?.environment), overrides),
    destination: (overrides?: Overrides): DestinationCall<unknown, unknown> => ({
      ...task(provider.destination?.environment.parse(destination?.environment), overrides),
      networkMap: destination?.networkMap ?? {},
      storageMappings: {},
    }),
    pool: (half: 'sourcePool' | 'destinationPool', overrides?: Overrides) =>
      task(provider[half]?.environment.parse(pool?.environment), overrides),
    connected: (overrides?: Overrides) => question(undefined, overrides),
  }
}

/** Does the same twice, as after a crash between the work and its report, and gives the second answer. */
export async function twice<T>(work: () => Promise<T>): Promise<T> {
  await work()
  return work()
}
