import { InstarError } from '@instar/contract'
import { minionInfo, type MinionRole, type StepContext } from '@instar/engine'
import type { MinionMachine } from '../providers/pool-half.ts'
import { openPool, type PoolSide } from './pool-side.ts'
import type { MakeStep, StepWorld } from './side.ts'
import { readExportInfo, readOwn, readSettings, readVolumes, requireOwn } from './step-info.ts'

/** Steps of a transfer or deployment with the machine that a pool lent it. */
export const checkMinionFits = (role: MinionRole): MakeStep =>
  minionStep(role, async ({ half, call }, machine, { info, task }) => {
    const transferEnvironment = readSettings(info, role === 'origin' ? 'source_environment' : 'target_environment')
    await half.checkFits(call, { machine, exportInfo: readExportInfo(info, task.instance), transferEnvironment })
    return {}
  })

/** The volumes of the replica on the destination's minion. */
export const attachVolumes = minionStep('destination', attach, detach)
export const detachVolumes = minionStep('destination', detach)

/** The disks of the new machine on the minion that morphs its OS. */
export const attachInstance = minionStep('osmorphing', attachDisks, detachDisks)
export const detachInstance = minionStep('osmorphing', detachDisks)

async function attach({ half, call }: PoolSide, machine: MinionMachine, { info }: StepContext) {
  return { volumes_info: await half.attachVolumes(call, { machine, volumes: readVolumes(info) }) }
}

async function detach({ half, call }: PoolSide, machine: MinionMachine, { info }: StepContext) {
  return { volumes_info: await half.detachVolumes(call, { machine, volumes: readVolumes(info) }) }
}

async function attachDisks({ half, call }: PoolSide, machine: MinionMachine, { info }: StepContext) {
  const instanceInfo = requireOwn(info, 'instance_deployment_info')
  return { instance_deployment_info: await half.attachInstance(call, { machine, instanceInfo }) }
}

async function detachDisks({ half, call }: PoolSide, machine: MinionMachine, { info }: StepContext) {
  const instanceInfo = requireOwn(info, 'instance_deployment_info')
  return { instance_deployment_info: await half.detachInstance(call, { machine, instanceInfo }) }
}

/** Touches only our own tables: any worker may do it. */
export const releaseMinion =
  (role: MinionRole): MakeStep =>
  world => ({
    run: async ({ execution, task, signal }) => {
      await world.pools.records.release({ executionId: execution.id, instance: task.instance, role }, signal)
      return minionInfo(role, null)
    },
  })

type MinionWork = (pool: PoolSide, machine: MinionMachine, context: StepContext) => Promise<Record<string, unknown>>

function minionStep(role: MinionRole, work: MinionWork, undo?: MinionWork): MakeStep {
  return world => ({
    run: context => withMinion(world, context, { role, purpose: context.task.type, work }),
    ...(undo && {
      undo: async (context: StepContext) =>
        void (await withMinion(world, context, { role, purpose: `undo ${context.task.type}`, work: undo })),
    }),
  })
}

async function withMinion(
  world: StepWorld,
  context: StepContext,
  { role, purpose, work }: { readonly role: MinionRole; readonly purpose: string; readonly work: MinionWork },
): Promise<Record<string, unknown>> {
  const machineId = context.info[`${role}_minion_machine_id`]
  if (typeof machineId !== 'string') throw new InstarError('internal.bug', `${context.task.instance} has no ${role} minion`)
  const { poolId } = await world.pools.records.readMinion(machineId)
  const pool = await openPool(world, context, { poolId, key: machineId, purpose })
  const machine = {
    providerProperties: requireOwn(context.info, `${role}_minion_provider_properties`),
    connectionInfo: readOwn(context.info, `${role}_minion_connection_info`) ?? {},
  }
  return work(pool, machine, context)
}
