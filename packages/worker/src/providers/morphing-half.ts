import type { Emit } from '@instar/contract'
import type { Instance } from '@instar/contract/api'
import type { ScriptRecorder } from '@instar/morph'
import type { DestinationCall } from './destination-half.ts'
import type { Own } from './provider.ts'
import type { Deployed } from './source-half.ts'

/** OS morphing at a destination: the disks of `deployInstance` reach a minion, and the OS on them is fitted to its new platform. */
export interface MorphingHalf<C, D> {
  deployResources(call: DestinationCall<C, D>, instanceInfo: Own): Promise<MorphingDeployed>
  deleteResources(call: DestinationCall<C, D>, resources: Own | null): Promise<void>
  /** With a minion of a pool: what the morph has to know besides. */
  collectInfo?(call: DestinationCall<C, D>, instanceInfo: Own): Promise<Own>
  /** Runs the user's scripts and fits the OS. Real providers open a Machine on the minion and hand it to `steps/os-morphing.ts`. */
  morph(call: DestinationCall<C, D>, request: ProviderMorphRequest): Promise<void>
}

export interface MorphingDeployed extends Deployed {
  readonly morphingInfo: Own
}

export interface ProviderMorphRequest {
  readonly exportInfo: Instance
  readonly instanceInfo: Own
  /** Those of `deployResources`, or the pool's machine. */
  readonly resources: Own
  readonly connectionInfo: Own
  readonly morphingInfo: Own
  /** As stored on the deployment: the lists for OS types and for machines. */
  readonly userScripts: Own
  /** Of the deployment itself: under it the work of a failed morph may be kept. */
  readonly deploymentId?: string
  /** The failed deployment whose kept work this one goes on with, from the script that failed. */
  readonly resumeFrom?: string
  readonly recorder: ScriptRecorder
  readonly emit: Emit
}
