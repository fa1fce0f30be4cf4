import type { InfoStore, StepDefinition, TaskType } from '@instar/engine'
import { createDiskSnapshots, deleteDiskSnapshots, restoreDiskSnapshots } from './disk-snapshots.ts'
import { cleanUpFailedInstance, deployInstanceResources, finalizeInstance, getOptimalFlavor } from './instance-deployment.ts'
import { getInstanceInfo, shutdownInstance } from './instance-info.ts'
import { attachInstance, attachVolumes, checkMinionFits, detachInstance, detachVolumes, releaseMinion } from './minion-use.ts'
import { collectMorphingInfo, deleteMorphingResources, deployMorphingResources } from './morphing-resources.ts'
import { morphOs } from './os-morphing.ts'
import { checkMinion, createMinion, deleteMinion, switchMinionOff, switchMinionOn } from './pool-machines.ts'
import { setUpPool, tearDownPool, validatePool } from './pool-shared.ts'
import { replicateDisks } from './replicate-disks.ts'
import { withServiceHints } from './service-hints.ts'
import { SharedDiskOwners } from './shared-disks.ts'
import type { MakeStep, StepWorld } from './side.ts'
import { deleteSourceSnapshots, deleteTransferDisks, deployTransferDisks } from './transfer-disks.ts'
import { deleteSourceResources, deleteTargetResources, deploySourceResources, deployTargetResources } from './transfer-resources.ts'
import { updateDestination, updateSource } from './transfer-update.ts'
import { validateDeploymentInputs, validateDestinationInputs, validateSourceInputs } from './validate-inputs.ts'

/** What is done for each type of task. */
const STEPS: Readonly<Record<TaskType, MakeStep>> = {
  VALIDATE_TRANSFER_SOURCE_INPUTS: validateSourceInputs,
  GET_INSTANCE_INFO: getInstanceInfo,
  VALIDATE_TRANSFER_DESTINATION_INPUTS: validateDestinationInputs,
  DEPLOY_TRANSFER_DISKS: deployTransferDisks,
  DEPLOY_TRANSFER_SOURCE_RESOURCES: deploySourceResources,
  DEPLOY_TRANSFER_TARGET_RESOURCES: deployTargetResources,
  SHUTDOWN_INSTANCE: shutdownInstance,
  REPLICATE_DISKS: replicateDisks,
  DELETE_TRANSFER_SOURCE_RESOURCES: deleteSourceResources,
  DELETE_TRANSFER_TARGET_RESOURCES: deleteTargetResources,

  VALIDATE_SOURCE_MINION_POOL_COMPATIBILITY: checkMinionFits('origin'),
  RELEASE_SOURCE_MINION: releaseMinion('origin'),
  VALIDATE_DESTINATION_MINION_POOL_COMPATIBILITY: checkMinionFits('destination'),
  ATTACH_VOLUMES_TO_DESTINATION_MINION: attachVolumes,
  DETACH_VOLUMES_FROM_DESTINATION_MINION: detachVolumes,
  RELEASE_DESTINATION_MINION: releaseMinion('destination'),

  UPDATE_SOURCE_TRANSFER: updateSource,
  UPDATE_DESTINATION_TRANSFER: updateDestination,
  DELETE_TRANSFER_SOURCE_DISK_SNAPSHOTS: deleteSourceSnapshots,
  DELETE_TRANSFER_DISKS: deleteTransferDisks,

  VALIDATE_DEPLOYMENT_INPUTS: validateDeploymentInputs,
  VALIDATE_OSMORPHING_MINION_POOL_COMPATIBILITY: checkMinionFits('osmorphing'),
  CREATE_TRANSFER_DISK_SNAPSHOTS: createDiskSnapshots,
  DEPLOY_INSTANCE_RESOURCES: deployInstanceResources,
  DEPLOY_OS_MORPHING_RESOURCES: deployMorphingResources,
  ATTACH_VOLUMES_TO_OSMORPHING_MINION: attachInstance,
  COLLECT_OS_MORPHING_INFO: collectMorphingInfo,
  OS_MORPHING: morphOs,
  DELETE_OS_MORPHING_RESOURCES: deleteMorphingResources,
  DETACH_VOLUMES_FROM_OSMORPHING_MINION: detachInstance,
  RELEASE_OSMORPHING_MINION: releaseMinion('osmorphing'),
  GET_OPTIMAL_FLAVOR: getOptimalFlavor,
  FINALIZE_INSTANCE_DEPLOYMENT: finalizeInstance,
  DELETE_TRANSFER_TARGET_DISK_SNAPSHOTS: deleteDiskSnapshots,
  CLEANUP_FAILED_INSTANCE_DEPLOYMENT: cleanUpFailedInstance,
  RESTORE_TRANSFER_DISK_SNAPSHOTS: restoreDiskSnapshots,

  VALIDATE_SOURCE_MINION_POOL_ENVIRONMENT_OPTIONS: validatePool,
  SET_UP_SOURCE_POOL_SHARED_RESOURCES: setUpPool,
  CREATE_SOURCE_MINION_MACHINE: createMinion,
  HEALTHCHECK_SOURCE_MINION: checkMinion,
  POWER_ON_SOURCE_MINION: switchMinionOn,
  POWER_OFF_SOURCE_MINION: switchMinionOff,
  DELETE_SOURCE_MINION_MACHINE: deleteMinion,
  TEAR_DOWN_SOURCE_POOL_SHARED_RESOURCES: tearDownPool,

  VALIDATE_DESTINATION_MINION_POOL_ENVIRONMENT_OPTIONS: validatePool,
  SET_UP_DESTINATION_POOL_SHARED_RESOURCES: setUpPool,
  CREATE_DESTINATION_MINION_MACHINE: createMinion,
  HEALTHCHECK_DESTINATION_MINION: checkMinion,
  POWER_ON_DESTINATION_MINION: switchMinionOn,
  POWER_OFF_DESTINATION_MINION: switchMinionOff,
  DELETE_DESTINATION_MINION_MACHINE: deleteMinion,
  TEAR_DOWN_DESTINATION_POOL_SHARED_RESOURCES: tearDownPool,
}

export function createSteps(deps: Omit<StepWorld, 'owners'> & { readonly info: InfoStore }): Record<TaskType, StepDefinition> {
  const world = { ...deps, owners: new SharedDiskOwners(deps.info) }
  const entries = Object.entries(STEPS).map(([type, make]) => [type, withServiceHints(make(world))])
  return Object.fromEntries(entries) as Record<TaskType, StepDefinition>
}
