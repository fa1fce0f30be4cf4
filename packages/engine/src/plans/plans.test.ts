import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CAPABILITIES } from '@instar/contract/api'
import { planDeployment, type DeploymentPlan } from './deployment.ts'
import { planMachineWork, planPoolAllocation, planPoolDeallocation } from './minion-pool.ts'
import type { PlannedStep } from './planned-step.ts'
import { planTransferExecution, type TransferExecutionPlan } from './transfer-execution.ts'
import { planDisksDelete, planTransferUpdate } from './transfer-upkeep.ts'

const source = { platform: 'vm-ware', regions: ['west'] }
const destination = { platform: 'stack', regions: [] }

/** A plan as text, numbered from 0: the type, its needs, the rule when it is not `success`, and capabilities as s (source) and d. */
function textOf(steps: readonly PlannedStep[]): string[] {
  return steps.map((step, place) => {
    const rule = { success: '', always: ' [E]', error: ' [O]' }[step.rule]
    const requires = step.requires.map(need => `${need.side[0]!}${need.capability}`).join(' ')
    return `${place} ${step.type}${rule} (${step.needs.join(', ')}) ${requires}${step.barrier ? ' barrier' : ''}`.trimEnd()
  })
}

const execution: TransferExecutionPlan = {
  instances: ['web'],
  source,
  destination,
  shutdownInstances: false,
  hasOriginPool: false,
  hasDestinationPool: false,
}
const deployment: DeploymentPlan = {
  instances: ['web'],
  destination,
  destinationCapabilities: [],
  skipOsMorphing: false,
  cloneDisks: true,
  pooledInstances: [],
}

describe('a transfer execution', () => {
  test('validates both sides, copies, and cleans up whatever happened', () => {
    assert.deepEqual(textOf(planTransferExecution(execution)), [
      '0 VALIDATE_TRANSFER_SOURCE_INPUTS () s4096',
      '1 GET_INSTANCE_INFO () s8',
      '2 VALIDATE_TRANSFER_DESTINATION_INPUTS (1) d16384',
      '3 DEPLOY_TRANSFER_DISKS (0, 2) d4',
      '4 DEPLOY_TRANSFER_SOURCE_RESOURCES (3) s8',
      '5 DEPLOY_TRANSFER_TARGET_RESOURCES (3) d4',
      '6 REPLICATE_DISKS (4, 5) s8 d4',
      '7 DELETE_TRANSFER_SOURCE_RESOURCES [E] (4, 6) s8',
      '8 DELETE_TRANSFER_TARGET_RESOURCES [E] (5, 6) d4',
    ])
  })

  test('shuts the machine down when both ends are ready', () => {
    assert.deepEqual(textOf(planTransferExecution({ ...execution, shutdownInstances: true })).slice(4), [
      '4 DEPLOY_TRANSFER_SOURCE_RESOURCES (3) s8',
      '5 DEPLOY_TRANSFER_TARGET_RESOURCES (3) d4',
      '6 SHUTDOWN_INSTANCE (4, 5) s8',
      '7 REPLICATE_DISKS (6) s8 d4',
      '8 DELETE_TRANSFER_SOURCE_RESOURCES [E] (4, 7) s8',
      '9 DELETE_TRANSFER_TARGET_RESOURCES [E] (5, 7) d4',
    ])
  })

  test('uses a machine of the origin pool in the place of source resources', () => {
    assert.deepEqual(textOf(planTransferExecution({ ...execution, hasOriginPool: true, shutdownInstances: true })), [
      '0 VALIDATE_TRANSFER_SOURCE_INPUTS () s4096',
      '1 GET_INSTANCE_INFO () s8',
      '2 VALIDATE_TRANSFER_DESTINATION_INPUTS (1) d16384',
      '3 VALIDATE_SOURCE_MINION_POOL_COMPATIBILITY (1, 0) s524288',
      '4 DEPLOY_TRANSFER_DISKS (3, 2) d4',
      '5 DEPLOY_TRANSFER_TARGET_RESOURCES (4) d4',
      '6 SHUTDOWN_INSTANCE (5) s8',
      '7 REPLICATE_DISKS (6) s8 d4',
      '8 RELEASE_SOURCE_MINION [E] (3, 7)',
      '9 DELETE_TRANSFER_TARGET_RESOURCES [E] (5, 7) d4',
    ])
  })

  test('attaches the disks to a machine of the destination pool', () => {
    assert.deepEqual(textOf(planTransferExecution({ ...execution, hasDestinationPool: true })).slice(2), [
      '2 VALIDATE_TRANSFER_DESTINATION_INPUTS (1) d16384',
      '3 VALIDATE_DESTINATION_MINION_POOL_COMPATIBILITY (2) d1048576',
      '4 DEPLOY_TRANSFER_DISKS (0, 3) d4',
      '5 DEPLOY_TRANSFER_SOURCE_RESOURCES (4) s8',
      '6 ATTACH_VOLUMES_TO_DESTINATION_MINION (4) d1048576',
      '7 REPLICATE_DISKS (5, 6) s8 d4',
      '8 DELETE_TRANSFER_SOURCE_RESOURCES [E] (5, 7) s8',
      '9 DETACH_VOLUMES_FROM_DESTINATION_MINION [E] (6, 7) d1048576',
      '10 RELEASE_DESTINATION_MINION [E] (3, 9)',
    ])
  })

  test('takes a machine of each pool when both are named', () => {
    assert.deepEqual(textOf(planTransferExecution({ ...execution, hasOriginPool: true, hasDestinationPool: true })).slice(3), [
      '3 VALIDATE_SOURCE_MINION_POOL_COMPATIBILITY (1, 0) s524288',
      '4 VALIDATE_DESTINATION_MINION_POOL_COMPATIBILITY (2) d1048576',
      '5 DEPLOY_TRANSFER_DISKS (3, 4) d4',
      '6 ATTACH_VOLUMES_TO_DESTINATION_MINION (5) d1048576',
      '7 REPLICATE_DISKS (6) s8 d4',
      '8 RELEASE_SOURCE_MINION [E] (3, 7)',
      '9 DETACH_VOLUMES_FROM_DESTINATION_MINION [E] (6, 7) d1048576',
      '10 RELEASE_DESTINATION_MINION [E] (4, 9)',
    ])
  })

  test('waits for all instances where they may share disks', () => {
    const steps = planTransferExecution({ ...execution, instances: ['a', 'b'], shutdownInstances: true })

    assert.deepEqual(
      steps.filter(step => step.barrier).map(step => `${step.instance} ${step.type}`),
      ['a GET_INSTANCE_INFO', 'a SHUTDOWN_INSTANCE', 'b GET_INSTANCE_INFO', 'b SHUTDOWN_INSTANCE'],
    )
    assert.deepEqual(
      steps.map(step => step.instance),
      [...Array<string>(10).fill('a'), ...Array<string>(10).fill('b')],
    )
    assert.equal(textOf(steps)[17], '17 REPLICATE_DISKS (16) s8 d4')
  })

  test('asks for workers of the regions of each end', () => {
    const copy = planTransferExecution(execution).find(step => step.type === 'REPLICATE_DISKS')

    assert.deepEqual(copy!.requires, [
      { side: 'source', platform: 'vm-ware', capability: 8, regions: ['west'] },
      { side: 'destination', platform: 'stack', capability: 4, regions: [] },
    ])
  })
})

test('a transfer update asks the source and then the destination', () => {
  assert.deepEqual(textOf(planTransferUpdate({ instances: ['web'], source, destination })), [
    '0 GET_INSTANCE_INFO () s8',
    '1 UPDATE_SOURCE_TRANSFER () s65536',
    '2 UPDATE_DESTINATION_TRANSFER (0, 1) d262144',
  ])
})

test('deleting disks starts with the snapshots at the source', () => {
  assert.deepEqual(textOf(planDisksDelete({ instances: ['a', 'b'], source, destination })), [
    '0 DELETE_TRANSFER_SOURCE_DISK_SNAPSHOTS () s8',
    '1 DELETE_TRANSFER_DISKS (0) d4',
    '2 DELETE_TRANSFER_SOURCE_DISK_SNAPSHOTS () s8',
    '3 DELETE_TRANSFER_DISKS (2) d4',
  ])
})

describe('a deployment', () => {
  test('morphs a clone of the disks and makes the machine', () => {
    assert.deepEqual(textOf(planDeployment(deployment)), [
      '0 VALIDATE_DEPLOYMENT_INPUTS () d16384',
      '1 CREATE_TRANSFER_DISK_SNAPSHOTS (0) d4',
      '2 DEPLOY_INSTANCE_RESOURCES (1) d4',
      '3 DEPLOY_OS_MORPHING_RESOURCES (2) d4',
      '4 OS_MORPHING (3) d64',
      '5 DELETE_OS_MORPHING_RESOURCES [E] (3, 4) d4',
      '6 FINALIZE_INSTANCE_DEPLOYMENT (4, 5) d4',
      '7 DELETE_TRANSFER_TARGET_DISK_SNAPSHOTS [E] (1, 6) d4',
      '8 CLEANUP_FAILED_INSTANCE_DEPLOYMENT [O] (2, 6) d4',
    ])
  })

  test('looks for a flavor only at a platform that has flavors', () => {
    const destinationCapabilities = [CAPABILITIES.transferImport, CAPABILITIES.instanceFlavor]

    assert.deepEqual(textOf(planDeployment({ ...deployment, destinationCapabilities })).slice(5, 9), [
      '5 DELETE_OS_MORPHING_RESOURCES [E] (3, 4) d4',
      '6 GET_OPTIMAL_FLAVOR (4, 5) d256',
      '7 FINALIZE_INSTANCE_DEPLOYMENT (6) d4',
      '8 DELETE_TRANSFER_TARGET_DISK_SNAPSHOTS [E] (1, 7) d4',
    ])
  })

  test('without morphing goes from the resources to the machine', () => {
    const destinationCapabilities = [CAPABILITIES.instanceFlavor]

    assert.deepEqual(textOf(planDeployment({ ...deployment, skipOsMorphing: true, pooledInstances: ['web'], destinationCapabilities })), [
      '0 VALIDATE_DEPLOYMENT_INPUTS () d16384',
      '1 CREATE_TRANSFER_DISK_SNAPSHOTS (0) d4',
      '2 DEPLOY_INSTANCE_RESOURCES (1) d4',
      '3 GET_OPTIMAL_FLAVOR (2) d256',
      '4 FINALIZE_INSTANCE_DEPLOYMENT (3) d4',
      '5 DELETE_TRANSFER_TARGET_DISK_SNAPSHOTS [E] (1, 4) d4',
      '6 CLEANUP_FAILED_INSTANCE_DEPLOYMENT [O] (2, 4) d4',
    ])
  })

  test('restores the disks after a failure when they were not cloned', () => {
    assert.deepEqual(textOf(planDeployment({ ...deployment, skipOsMorphing: true, cloneDisks: false })).slice(3), [
      '3 FINALIZE_INSTANCE_DEPLOYMENT (2) d4',
      '4 DELETE_TRANSFER_TARGET_DISK_SNAPSHOTS (1, 3) d4',
      '5 CLEANUP_FAILED_INSTANCE_DEPLOYMENT [O] (2, 3) d4',
      '6 RESTORE_TRANSFER_DISK_SNAPSHOTS [O] (1, 5) d4',
    ])
  })

  test('keeps the way back open until all machines are there', () => {
    const steps = planDeployment({ ...deployment, instances: ['a', 'b'], cloneDisks: false })

    assert.deepEqual(
      steps.filter(step => step.barrier).map(step => `${step.instance} ${step.type}`),
      ['a FINALIZE_INSTANCE_DEPLOYMENT', 'b FINALIZE_INSTANCE_DEPLOYMENT'],
    )
    assert.ok(planDeployment({ ...deployment, instances: ['a', 'b'] }).every(step => !step.barrier))
  })

  test('morphs the instances that have a pool on a machine of it, the others on one of their own', () => {
    const steps = planDeployment({ ...deployment, instances: ['pooled', 'other'], pooledInstances: ['pooled'] })

    assert.deepEqual(textOf(steps).slice(0, 14), [
      '0 VALIDATE_DEPLOYMENT_INPUTS () d16384',
      '1 VALIDATE_OSMORPHING_MINION_POOL_COMPATIBILITY (0) d1048576',
      '2 CREATE_TRANSFER_DISK_SNAPSHOTS (1) d4',
      '3 DEPLOY_INSTANCE_RESOURCES (2) d4',
      '4 ATTACH_VOLUMES_TO_OSMORPHING_MINION (1, 3) d1048576',
      '5 COLLECT_OS_MORPHING_INFO (4) d64',
      '6 OS_MORPHING (5) d64',
      '7 DETACH_VOLUMES_FROM_OSMORPHING_MINION [E] (4, 6) d1048576',
      '8 RELEASE_OSMORPHING_MINION [E] (1, 7)',
      '9 FINALIZE_INSTANCE_DEPLOYMENT (6, 8) d4',
      '10 DELETE_TRANSFER_TARGET_DISK_SNAPSHOTS [E] (2, 9) d4',
      '11 CLEANUP_FAILED_INSTANCE_DEPLOYMENT [O] (3, 9) d4',
      '12 VALIDATE_DEPLOYMENT_INPUTS () d16384',
      '13 CREATE_TRANSFER_DISK_SNAPSHOTS (12) d4',
    ])
    assert.equal(steps[13]!.instance, 'other')
  })
})

describe('a minion pool', () => {
  const pool = { poolId: 'pool', platform: 'destination', side: destination } as const
  const sourcePool = { poolId: 'pool', platform: 'source', side: source } as const

  test('is allocated step by step, its machines in parallel, and taken down after a failure', () => {
    const steps = planPoolAllocation(pool, ['m1', 'm2'])

    assert.deepEqual(textOf(steps), [
      '0 VALIDATE_DESTINATION_MINION_POOL_ENVIRONMENT_OPTIONS () d1048576',
      '1 SET_UP_DESTINATION_POOL_SHARED_RESOURCES (0) d1048576',
      '2 CREATE_DESTINATION_MINION_MACHINE (1) d1048576',
      '3 CREATE_DESTINATION_MINION_MACHINE (1) d1048576',
      '4 DELETE_DESTINATION_MINION_MACHINE [O] (2) d1048576',
      '5 DELETE_DESTINATION_MINION_MACHINE [O] (3) d1048576',
      '6 TEAR_DOWN_DESTINATION_POOL_SHARED_RESOURCES [O] (1, 2, 3, 4, 5) d1048576',
    ])
    assert.deepEqual(
      steps.map(step => step.instance),
      ['pool', 'pool', 'm1', 'm2', 'm1', 'm2', 'pool'],
    )
  })

  test('loses its machines before what they share', () => {
    assert.deepEqual(textOf(planPoolDeallocation(sourcePool, [{ id: 'm1' }, { id: 'm2' }])), [
      '0 DELETE_SOURCE_MINION_MACHINE () s524288',
      '1 DELETE_SOURCE_MINION_MACHINE () s524288',
      '2 TEAR_DOWN_SOURCE_POOL_SHARED_RESOURCES (0, 1) s524288',
    ])
  })

  test('works on one machine in the order given', () => {
    assert.deepEqual(textOf(planMachineWork(sourcePool, { id: 'm1' }, ['power-on', 'health-check'])), [
      '0 POWER_ON_SOURCE_MINION () s524288',
      '1 HEALTHCHECK_SOURCE_MINION (0) s524288',
    ])
    assert.deepEqual(textOf(planMachineWork(pool, { id: 'm1' }, ['delete', 'create'])), [
      '0 DELETE_DESTINATION_MINION_MACHINE () d1048576',
      '1 CREATE_DESTINATION_MINION_MACHINE (0) d1048576',
    ])
  })
})
