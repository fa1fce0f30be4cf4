import { setTimeout } from 'node:timers/promises'
import { InstarError } from '@instar/contract'
import type { DestinationDisk, Volume } from '../disks.ts'
import type { Own, TaskCall } from '../provider.ts'
import { act } from './act.ts'
import type { SimulatorConnection, SimulatorDestination } from './simulator-settings.ts'
import { World } from './world.ts'

const MIB = 1024 * 1024
/** A first copy finds a quarter of a disk in use, a later one a hundredth of it changed. */
const USED = 4
const CHANGED = 100
const STEPS = 20

/** Takes no bytes, but tells of them at the speed that is set, and goes on where it was after a kill. */
export function openSimulatedDestination(
  call: TaskCall<SimulatorConnection, SimulatorDestination>,
  request: { volume: Volume; sizeBytes: number },
): DestinationDisk {
  const world = new World(call.connection.folder)
  const name = String(request.volume['volume_id'])
  return {
    receive: (source, options) =>
      act(call, async () => {
        const before = await world.get('volumes', name)
        if (!before) throw new InstarError('provider.failed', `volume ${name} of disk ${source.diskId} is gone`)
        const last = (before['replica_state'] ?? {}) as Own
        if (last['execution_id'] === options.executionId) return last

        const totalBytes = Math.ceil(request.sizeBytes / (last['generation'] === undefined ? USED : CHANGED))
        const partial = (before['partial'] ?? {}) as Own
        let doneBytes = partial['execution_id'] === options.executionId ? Number(partial['done_bytes']) : 0
        const speed = call.environment.copy_mib_per_s * MIB
        const stepBytes = speed === 0 ? totalBytes : Math.ceil(totalBytes / STEPS)
        while (doneBytes < totalBytes) {
          if (speed > 0) await setTimeout((stepBytes / speed) * 1000, undefined, { signal: options.signal })
          doneBytes = Math.min(totalBytes, doneBytes + stepBytes)
          options.progress(doneBytes, totalBytes)
          await world.put('volumes', name, { ...before, partial: { execution_id: options.executionId, done_bytes: doneBytes } })
        }
        const state = {
          generation: Number(last['generation'] ?? 0) + 1,
          execution_id: options.executionId,
          copied_bytes: totalBytes,
        }
        const { partial: _, ...rest } = before
        await world.put('volumes', name, { ...rest, replica_state: state })
        return state
      }),
    [Symbol.asyncDispose]: async () => {},
  }
}
