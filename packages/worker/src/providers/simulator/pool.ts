import { InstarError } from '@instar/contract'
import type { MinionMachine, PoolHalf } from '../pool-half.ts'
import { act } from './act.ts'
import { FLAVORS } from './offers.ts'
import { SimulatorPool, type SimulatorConnection } from './simulator-settings.ts'
import { attach, detach } from './volumes.ts'
import type { World } from './world.ts'

/** Pools of simulated machines, the same at both sides. */
export const simulatorPool: PoolHalf<SimulatorConnection, SimulatorPool> = {
  environment: SimulatorPool,
  listOptions: (call, names) =>
    act(call, async () =>
      [{ name: 'flavor', values: FLAVORS.map(({ name }) => name), config_default: 'small' }].filter(
        ({ name }) => names?.includes(name) ?? true,
      ),
    ),
  validate: call =>
    act(call, async () => {
      const { flavor } = call.environment
      if (!FLAVORS.some(({ name }) => name === flavor)) throw new InstarError('provider.refused', `there is no flavor ${flavor}`)
    }),
  setUpShared: call =>
    act(call, async world => {
      await world.put('pool-shared', call.key, {})
      return { network: call.key }
    }),
  tearDownShared: call => act(call, world => world.remove('pool-shared', call.key)),
  createMachine: call => act(call, world => createMachine(world, call.key)),
  deleteMachine: call => act(call, world => world.remove('minions', call.key)),
  checkHealth: (call, machine) => act(call, world => requireOn(world, machine)),
  powerOn: (call, machine) => act(call, world => setPower(world, machine, 'on')),
  powerOff: (call, machine) => act(call, world => setPower(world, machine, 'off')),
  checkFits: (call, { machine }) => act(call, world => requireOn(world, machine)),
  attachVolumes: (call, { volumes }) => act(call, async () => attach(volumes)),
  detachVolumes: (call, { volumes }) => act(call, async () => detach(volumes)),
  attachInstance: (call, { machine, instanceInfo }) => act(call, async () => ({ ...instanceInfo, attached_to: minionId(machine) })),
  detachInstance: (call, { instanceInfo }) =>
    act(call, async () => Object.fromEntries(Object.entries(instanceInfo).filter(([key]) => key !== 'attached_to'))),
}

async function createMachine(world: World, key: string): Promise<MinionMachine> {
  await world.put('minions', key, { power: 'on' })
  return {
    providerProperties: { minion_id: key },
    connectionInfo: { ip: '198.18.0.1', port: 22, username: 'root', pkey: 'simulated' },
    backupWriterConnectionInfo: { backend: 'simulated', connection_details: { port: 6677 } },
  }
}

async function setPower(world: World, machine: MinionMachine, power: 'on' | 'off'): Promise<void> {
  const id = minionId(machine)
  const minion = await world.get('minions', id)
  if (!minion) throw new InstarError('provider.failed', `minion machine ${id} is gone`)
  await world.put('minions', id, { ...minion, power })
}

async function requireOn(world: World, machine: MinionMachine): Promise<void> {
  const minion = await world.get('minions', minionId(machine))
  if (minion?.['power'] !== 'on') {
    throw new InstarError('provider.failed', `minion machine ${minionId(machine)} is ${minion ? 'switched off' : 'gone'}`)
  }
}

function minionId(machine: MinionMachine): string {
  return String(machine.providerProperties['minion_id'])
}
