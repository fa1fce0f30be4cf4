import { CAPABILITIES } from '@instar/contract/api'

/** The capability numbers that a task type asks of the platforms it touches. A type without a side touches only our own tables. */
export interface TaskPlatforms {
  readonly source?: number
  readonly destination?: number
}

const exporting = { source: CAPABILITIES.transferExport }
const importing = { destination: CAPABILITIES.transferImport }
const sourcePool = { source: CAPABILITIES.sourceMinionPool }
const destinationPool = { destination: CAPABILITIES.destinationMinionPool }
const ownTablesOnly = {}

/** Every task type of the v1 API that Instar runs (coriolis-api.md 4.3). */
export const TASK_TYPES = {
  VALIDATE_TRANSFER_SOURCE_INPUTS: { source: CAPABILITIES.validateTransferExport },
  GET_INSTANCE_INFO: exporting,
  VALIDATE_TRANSFER_DESTINATION_INPUTS: { destination: CAPABILITIES.validateTransferImport },
  DEPLOY_TRANSFER_DISKS: importing,
  DEPLOY_TRANSFER_SOURCE_RESOURCES: exporting,
  DEPLOY_TRANSFER_TARGET_RESOURCES: importing,
  SHUTDOWN_INSTANCE: exporting,
  REPLICATE_DISKS: { ...exporting, ...importing },
  DELETE_TRANSFER_SOURCE_RESOURCES: exporting,
  DELETE_TRANSFER_TARGET_RESOURCES: importing,

  VALIDATE_SOURCE_MINION_POOL_COMPATIBILITY: sourcePool,
  RELEASE_SOURCE_MINION: ownTablesOnly,
  VALIDATE_DESTINATION_MINION_POOL_COMPATIBILITY: destinationPool,
  ATTACH_VOLUMES_TO_DESTINATION_MINION: destinationPool,
  DETACH_VOLUMES_FROM_DESTINATION_MINION: destinationPool,
  RELEASE_DESTINATION_MINION: ownTablesOnly,

  UPDATE_SOURCE_TRANSFER: { source: CAPABILITIES.sourceTransferUpdate },
  UPDATE_DESTINATION_TRANSFER: { destination: CAPABILITIES.destinationTransferUpdate },

  DELETE_TRANSFER_SOURCE_DISK_SNAPSHOTS: exporting,
  DELETE_TRANSFER_DISKS: importing,

  VALIDATE_DEPLOYMENT_INPUTS: { destination: CAPABILITIES.validateTransferImport },
  VALIDATE_OSMORPHING_MINION_POOL_COMPATIBILITY: destinationPool,
  CREATE_TRANSFER_DISK_SNAPSHOTS: importing,
  DEPLOY_INSTANCE_RESOURCES: importing,
  DEPLOY_OS_MORPHING_RESOURCES: importing,
  ATTACH_VOLUMES_TO_OSMORPHING_MINION: destinationPool,
  COLLECT_OS_MORPHING_INFO: { destination: CAPABILITIES.osMorphing },
  OS_MORPHING: { destination: CAPABILITIES.osMorphing },
  DELETE_OS_MORPHING_RESOURCES: importing,
  DETACH_VOLUMES_FROM_OSMORPHING_MINION: destinationPool,
  RELEASE_OSMORPHING_MINION: ownTablesOnly,
  GET_OPTIMAL_FLAVOR: { destination: CAPABILITIES.instanceFlavor },
  FINALIZE_INSTANCE_DEPLOYMENT: importing,
  DELETE_TRANSFER_TARGET_DISK_SNAPSHOTS: importing,
  CLEANUP_FAILED_INSTANCE_DEPLOYMENT: importing,
  RESTORE_TRANSFER_DISK_SNAPSHOTS: importing,

  VALIDATE_SOURCE_MINION_POOL_ENVIRONMENT_OPTIONS: sourcePool,
  SET_UP_SOURCE_POOL_SHARED_RESOURCES: sourcePool,
  CREATE_SOURCE_MINION_MACHINE: sourcePool,
  HEALTHCHECK_SOURCE_MINION: sourcePool,
  POWER_ON_SOURCE_MINION: sourcePool,
  POWER_OFF_SOURCE_MINION: sourcePool,
  DELETE_SOURCE_MINION_MACHINE: sourcePool,
  TEAR_DOWN_SOURCE_POOL_SHARED_RESOURCES: sourcePool,

  VALIDATE_DESTINATION_MINION_POOL_ENVIRONMENT_OPTIONS: destinationPool,
  SET_UP_DESTINATION_POOL_SHARED_RESOURCES: destinationPool,
  CREATE_DESTINATION_MINION_MACHINE: destinationPool,
  HEALTHCHECK_DESTINATION_MINION: destinationPool,
  POWER_ON_DESTINATION_MINION: destinationPool,
  POWER_OFF_DESTINATION_MINION: destinationPool,
  DELETE_DESTINATION_MINION_MACHINE: destinationPool,
  TEAR_DOWN_DESTINATION_POOL_SHARED_RESOURCES: destinationPool,
} as const satisfies Record<string, TaskPlatforms>

export type TaskType = keyof typeof TASK_TYPES
