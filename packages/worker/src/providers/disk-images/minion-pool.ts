import { InstarError } from '@instar/contract'
import type { MinionMachine, PoolHalf } from '../pool-half.ts'
import type { Own, TaskCall } from '../provider.ts'
import { chooseAccelerator } from './accelerator.ts'
import type { HostPaths } from './host-paths.ts'
import type { InstanceInfo } from './instances.ts'
import { machineDisks } from './machine-disks.ts'
import { DiskImagesPool, type DiskImagesConnection } from './settings.ts'
import type { WarmAppliances } from './warm-appliances.ts'

type PoolTask = TaskCall<DiskImagesConnection, DiskImagesPool>

const NO_KVM = { hint: 'Give the pool the option accel auto or tcg, or let only workers with KVM serve the regions of the endpoint.' }
const OPTIONS = [{ name: 'accel', values: ['auto', 'kvm', 'tcg'], config_default: 'auto' }]

/** Pools of appliances that run in this worker and get the disks of a new machine while they do. */
export function createMinionPool(paths: HostPaths, warm: WarmAppliances): PoolHalf<DiskImagesConnection, DiskImagesPool> {
  const start = (call: PoolTask) =>
    warm.start(call.key, { accel: call.environment.accel, signal: call.signal, onProgress: message => call.progress(message) })
  return {
    held: warm,
    environment: DiskImagesPool,
    listOptions: async (_call, names) => OPTIONS.filter(({ name }) => names?.includes(name) ?? true),
    validate: async ({ environment, signal }) => {
      // Builds the appliance where there is none: a host that cannot have one is told before machines are made.
      const works = await chooseAccelerator('auto', paths, signal)
      if (environment.accel === 'kvm' && works !== 'kvm')
        throw new InstarError('provider.refused', 'KVM does not work on this worker', NO_KVM)
    },
    setUpShared: async () => ({}),
    tearDownShared: async () => undefined,
    createMachine: async call => {
      await start(call)
      return { providerProperties: { machine_id: call.key }, connectionInfo: {} }
    },
    deleteMachine: call => warm.stop(call.key),
    checkHealth: call => warm.requireFresh(call.key, call.signal),
    powerOn: start,
    powerOff: call => warm.stop(call.key),
    checkFits: async (call, { machine }) => {
      const id = minionId(machine.providerProperties)
      if (id !== undefined && warm.has(id)) await warm.requireFresh(id, call.signal)
      else tellGone(call)
    },
    // The worker writes replicas itself.
    attachVolumes: async (_call, { volumes }) => volumes,
    detachVolumes: async (_call, { volumes }) => volumes,
    attachInstance: (call, request) => plugIn(warm, call, request),
    detachInstance: (call, request) => takeBack(warm, call, request),
  }
}

/** What OS morphing finds in its `resources` when a pool's machine has the disks. */
export function minionId(resources: Own): string | undefined {
  const id = resources['machine_id']
  return typeof id === 'string' ? id : undefined
}

interface InstanceRequest {
  readonly machine: MinionMachine
  readonly instanceInfo: Own
}

async function plugIn(warm: WarmAppliances, call: PoolTask, { machine, instanceInfo }: InstanceRequest): Promise<Own> {
  const info = instanceInfo as unknown as InstanceInfo
  const id = minionId(machine.providerProperties)
  if (id === undefined || !warm.has(id)) tellGone(call)
  else if (!warm.isReadyFor(id, info.staging)) {
    call.progress('Plugging the disks into the minion')
    await warm.plug(id, { owner: info.staging, disks: await machineDisks(info), signal: call.signal })
  }
  return instanceInfo
}

/** The machine's disks are taken off whatever state they are in; an appliance that cannot be replaced now is when its pool is looked after. */
async function takeBack(warm: WarmAppliances, call: PoolTask, { machine, instanceInfo }: InstanceRequest): Promise<Own> {
  const id = minionId(machine.providerProperties)
  if (id === undefined || !warm.has(id)) return instanceInfo
  try {
    call.progress('Replacing the minion by a fresh one')
    await warm.unplug(id).catch((error: unknown) => call.log.debug({ error, minion: id }, 'the disks of a minion could not be unplugged'))
    await warm.renew(id, call.signal)
  } catch (error) {
    call.signal.throwIfAborted()
    await warm.stop(id)
    call.event('WARNING', `The minion could not be replaced yet: ${error instanceof Error ? error.message : String(error)}`)
  }
  return instanceInfo
}

/** Nothing is lost with a minion: the disks are made anew, and another one does the work. */
export function tellGone(call: Pick<PoolTask, 'event'>): void {
  call.event('WARNING', 'The minion of the pool is gone: the OS is morphed on one of its own')
}
