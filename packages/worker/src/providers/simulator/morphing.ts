import { InstarError } from '@instar/contract'
import type { MorphingHalf } from '../morphing-half.ts'
import { act } from './act.ts'
import { pretendScripts } from './scripts.ts'
import type { SimulatorConnection, SimulatorDestination } from './simulator-settings.ts'

/** Changes the disks of the machine to be, so that it shows whether a failed deployment leaves the replica alone. */
export const simulatorMorphing: MorphingHalf<SimulatorConnection, SimulatorDestination> = {
  deployResources: (call, instanceInfo) =>
    act(call, async world => {
      await world.put('morphing-resources', call.key, { instance: call.instance })
      return {
        resources: { helper: call.key },
        connectionInfo: { ip: '198.18.0.2', port: 22, username: 'root', pkey: 'simulated' },
        morphingInfo: { disks: instanceInfo['disks'] },
      }
    }),
  deleteResources: call => act(call, world => world.remove('morphing-resources', call.key)),
  collectInfo: (call, instanceInfo) => act(call, async () => ({ disks: instanceInfo['disks'] })),
  morph: (call, request) =>
    act(call, async world => {
      await pretendScripts(call, request)
      for (const disk of request.instanceInfo['disks'] as string[]) {
        const volume = await world.get('volumes', disk)
        if (!volume) throw new InstarError('provider.failed', `disk ${disk} is gone`)
        await world.put('volumes', disk, { ...volume, morphed_by: call.key })
      }
    }),
}
