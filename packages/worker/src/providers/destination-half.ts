import type { Instance, StorageMappings } from '@instar/contract/api'
import type { ScriptRecorder } from '@instar/morph'
import type { ZodMiniType } from 'zod/mini'
import type { DestinationDisk, Volume } from './disks.ts'
import type { MorphingHalf } from './morphing-half.ts'
import type { Call, Option, Own, TaskCall } from './provider.ts'
import type { Deployed } from './source-half.ts'

/** Where disks and networks of the machine go, beside the settings. */
export interface DestinationCall<C, D> extends TaskCall<C, D> {
  readonly networkMap: Own
  readonly storageMappings: StorageMappings
}

export interface VolumesRequest {
  readonly exportInfo: Instance
  readonly volumes: readonly Volume[]
}

/** The side that machines go to. */
export interface DestinationHalf<C, D> {
  /** The destination environment of a transfer, without `network_map` and `storage_mappings`. */
  readonly environment: ZodMiniType<D>
  listNetworks?(call: Call<C, D>): Promise<{ id: string; name: string }[]>
  listStorage?(call: Call<C, D>): Promise<StorageList>
  listOptions?(call: Call<C, D>, names?: readonly string[]): Promise<Option[]>

  /** Throws when the machine cannot be taken with these settings. */
  validateTransfer(call: DestinationCall<C, D>, request: VolumesRequest): Promise<void>
  /** Throws when no machine can be made of the volumes. */
  validateDeployment(call: DestinationCall<C, D>, request: VolumesRequest): Promise<void>
  update?(call: DestinationCall<C, D>, request: VolumesRequest & { newEnvironment: Own }): Promise<readonly Volume[]>

  /** Makes a volume for each of the machine's disks that has none, enlarges those that grew, and gives all; keeps what others hold. */
  deployDisks(call: DestinationCall<C, D>, request: VolumesRequest): Promise<readonly Volume[]>
  /** Removes what a `deployDisks` that did not end has made: whatever is there under the key and not in `known`. */
  discardDisks(call: DestinationCall<C, D>, known: readonly Volume[]): Promise<void>
  deleteDisks(call: DestinationCall<C, D>, volumes: readonly Volume[]): Promise<void>
  /** Makes what writing the volumes needs (a helper machine). Not called for a transfer with a pool of destination minions. */
  deployResources(call: DestinationCall<C, D>, request: VolumesRequest): Promise<Deployed & { volumes: readonly Volume[] }>
  deleteResources(call: DestinationCall<C, D>, request: { resources: Own | null; volumes: readonly Volume[] }): Promise<readonly Volume[]>
  /** `helper` is what `deployResources` made, or the pool's machine. */
  openDisk(call: DestinationCall<C, D>, request: { volume: Volume; sizeBytes: number; helper: Deployed | null }): Promise<DestinationDisk>

  /** From here on the replica stays as it is whatever a deployment does, until the snapshots are deleted or restored. */
  createSnapshots(call: DestinationCall<C, D>, volumes: readonly Volume[]): Promise<readonly Volume[]>
  deleteSnapshots(call: DestinationCall<C, D>, volumes: readonly Volume[]): Promise<readonly Volume[]>
  /** The volumes are again as they were when the snapshots were made, and the snapshots are gone. */
  restoreSnapshots(call: DestinationCall<C, D>, volumes: readonly Volume[]): Promise<readonly Volume[]>

  /** Makes what the machine will consist of: clones of the volumes, or with `cloneDisks: false` the volumes themselves, ports, ... */
  deployInstance(call: DestinationCall<C, D>, request: VolumesRequest & { cloneDisks: boolean }): Promise<Own>
  /** Makes the machine, so that it is listed and can be started. Gives what `transfer_result` shows. */
  finalizeInstance(call: DestinationCall<C, D>, request: { exportInfo: Instance; instanceInfo: Own; flavor?: string }): Promise<Instance>
  /** Waits for the first boot of a machine that `finalizeInstance` started, and keeps what its scripts did. Absent where nothing comes back. */
  watchFirstBoot?(call: DestinationCall<C, D>, request: FirstBootRequest): Promise<void>
  /** Removes what `deployInstance` and `finalizeInstance` made; volumes that were not cloned stay. */
  cleanUpInstance(call: DestinationCall<C, D>, instanceInfo: Own | null): Promise<void>
  /** The smallest size on offer that holds the machine. */
  findFlavor?(call: DestinationCall<C, D>, exportInfo: Instance): Promise<string>
  readonly morphing?: MorphingHalf<C, D>
}

export interface FirstBootRequest {
  readonly exportInfo: Instance
  /** As stored on the deployment. */
  readonly userScripts: Own
  readonly recorder: ScriptRecorder
}

export interface StorageList {
  readonly storage_backends: readonly { id: string; name: string; additional_provider_properties?: Own }[]
  readonly config_default?: string
}
