import { InstarError } from '@instar/contract'
import type { Provider } from '../provider.ts'
import { simulatorDestination } from './destination.ts'
import { describeMachine, listMachines } from './machines.ts'
import { simulatorPool } from './pool.ts'
import { SimulatorConnection, type SimulatorDestination, type SimulatorPool, type SimulatorSource } from './simulator-settings.ts'
import { simulatorSource } from './source.ts'

/** A platform that is not there: thousands of machines, with latency and faults where they are wanted. For demos and tests. */
export const simulator: Provider<SimulatorConnection, SimulatorSource, SimulatorDestination, SimulatorPool> = {
  platform: 'simulator',
  connection: SimulatorConnection,
  validateConnection: async ({ connection }) => {
    if (connection.password === 'wrong') throw new InstarError('provider.refused', 'the simulator does not take this password')
  },
  inventory: async ({ connection }) => [
    ['id', 'name', 'os_type', 'num_cpu', 'memory_mb', 'disks', 'disk_bytes'],
    ...listMachines(connection, { refresh: false }).map(({ id, name, os_type, num_cpu, memory_mb }) => {
      const { disks } = describeMachine(connection, name).devices
      const bytes = disks.reduce((sum, disk) => sum + disk.size_bytes, 0)
      return [id, name, os_type, num_cpu, memory_mb, disks.length, bytes].map(String)
    }),
  ],
  source: simulatorSource,
  destination: simulatorDestination,
  sourcePool: simulatorPool,
  destinationPool: simulatorPool,
}
