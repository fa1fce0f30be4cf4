import type { SourceHalf } from '../source-half.ts'
import { act } from './act.ts'
import { openSimulatedSource, snapshotsOf } from './source-disk.ts'
import { describeMachine, listMachines } from './machines.ts'
import { SimulatorSource, type SimulatorConnection } from './simulator-settings.ts'

export const simulatorSource: SourceHalf<SimulatorConnection, SimulatorSource> = {
  environment: SimulatorSource,
  listInstances: (call, query) => act(call, async () => ({ instances: listMachines(call.connection, query) })),
  // Both the question of a user and the first task of a transfer.
  getInstance: (call, name) => act(call, async () => describeMachine(call.connection, name)),
  listOptions: (call, names) =>
    act(call, async () =>
      [{ name: 'content', values: ['none', 'sparse-files'], config_default: 'none' }].filter(({ name }) => names?.includes(name) ?? true),
    ),

  validate: call =>
    act(call, async () => {
      describeMachine(call.connection, call.instance)
    }),
  update: (call, { volumes }) => act(call, async () => volumes),
  deployResources: (call, { exportInfo }) =>
    act(call, async world => {
      call.progress(`Starting a helper machine for ${exportInfo.name}`)
      await world.put('source-resources', call.key, { instance: call.instance })
      return { resources: { helper: call.key }, connectionInfo: { helper: call.key, password: 'simulated' } }
    }),
  deleteResources: call => act(call, world => world.remove('source-resources', call.key)),
  shutdown: call =>
    act(call, async world => {
      call.progress(`Shutting ${call.instance} down`)
      await world.put('shutdowns', call.instance, {})
    }),
  openDisk: (call, request) => openSimulatedSource(call, request),
  deleteSnapshots: (call, { volumes }) =>
    act(call, async world => {
      for (const name of await world.list('source-snapshots', snapshotsOf(call.instance))) await world.remove('source-snapshots', name)
      return volumes
    }),
}
