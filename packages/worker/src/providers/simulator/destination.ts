import { InstarError } from '@instar/contract'
import type { DestinationCall, DestinationHalf } from '../destination-half.ts'
import { act } from './act.ts'
import { openSimulatedDestination } from './destination-disk.ts'
import { cleanUpInstance, deployInstance, finalizeInstance } from './instances.ts'
import { simulatorMorphing } from './morphing.ts'
import { checkMappings, FLAVORS, NETWORKS, STORAGE } from './offers.ts'
import { SimulatorDestination, type SimulatorConnection } from './simulator-settings.ts'
import { createSnapshots, deleteSnapshots, restoreSnapshots } from './snapshots.ts'
import { attach, deployDisks, detach, volumeId } from './volumes.ts'

export type SimulatorTask = DestinationCall<SimulatorConnection, SimulatorDestination>

export const simulatorDestination: DestinationHalf<SimulatorConnection, SimulatorDestination> = {
  environment: SimulatorDestination,
  listNetworks: call => act(call, async () => NETWORKS),
  listStorage: call => act(call, async () => STORAGE),
  listOptions: (call, names) =>
    act(call, async () =>
      [{ name: 'flavor', values: FLAVORS.map(({ name }) => name), config_default: 'small' }].filter(
        ({ name }) => names?.includes(name) ?? true,
      ),
    ),

  validateTransfer: (call, request) => act(call, async () => checkMappings(call, request.exportInfo)),
  validateDeployment: (call, { volumes, exportInfo }) =>
    act(call, async world => {
      checkMappings(call, exportInfo)
      for (const volume of volumes) {
        if (!(await world.has('volumes', volumeId(volume)))) throw new InstarError('provider.failed', `volume ${volumeId(volume)} is gone`)
      }
    }),
  update: (call, { volumes }) => act(call, async () => volumes),

  deployDisks: (call, request) => act(call, world => deployDisks(world, call.key, request)),
  discardDisks: (call, known) =>
    act(call, async world => {
      const kept = new Set(known.map(volumeId))
      for (const name of await world.list('volumes', `${call.key}/`)) if (!kept.has(name)) await world.remove('volumes', name)
    }),
  deleteDisks: (call, volumes) =>
    act(call, async world => {
      for (const volume of volumes) await world.remove('volumes', volumeId(volume))
    }),
  deployResources: (call, { volumes }) =>
    act(call, async world => {
      call.progress(`Starting a helper machine for ${call.instance}`)
      await world.put('target-resources', call.key, { instance: call.instance })
      return {
        resources: { helper: call.key },
        connectionInfo: { helper: call.key, password: 'simulated' },
        volumes: attach(volumes),
      }
    }),
  deleteResources: (call, { volumes }) =>
    act(call, async world => {
      await world.remove('target-resources', call.key)
      return detach(volumes)
    }),
  openDisk: async (call, request) => openSimulatedDestination(call, request),

  createSnapshots: (call, volumes) => act(call, world => createSnapshots(world, call.key, volumes)),
  deleteSnapshots: (call, volumes) => act(call, world => deleteSnapshots(world, call.key, volumes)),
  restoreSnapshots: (call, volumes) => act(call, world => restoreSnapshots(world, call.key, volumes)),

  deployInstance: (call, request) => act(call, world => deployInstance(world, call, request)),
  finalizeInstance: (call, request) => act(call, world => finalizeInstance(world, call, request)),
  cleanUpInstance: call => act(call, world => cleanUpInstance(world, call.key)),
  findFlavor: (call, { memory_mb }) =>
    act(call, async () => {
      const fitting = FLAVORS.find(flavor => flavor.memoryMb >= memory_mb)
      if (!fitting)
        throw new InstarError('provider.refused', `${call.instance} has ${memory_mb} MiB, the largest flavor ${FLAVORS.at(-1)!.memoryMb}`)
      return fitting.name
    }),
  morphing: simulatorMorphing,
}
