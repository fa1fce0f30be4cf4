import type { Instance, InstanceSummary } from '@instar/contract/api'
import type { ZodMiniType } from 'zod/mini'
import type { SourceDisk, Volume } from './disks.ts'
import type { Call, Option, Own, TaskCall } from './provider.ts'

/** The side that machines come from. */
export interface SourceHalf<C, S> {
  /** The source environment of a transfer. */
  readonly environment: ZodMiniType<S>
  /** Machines in a fixed order: those after `marker` (an id), at most `limit`, whose name holds `name`. */
  listInstances(call: Call<C, S>, query: InstanceQuery): Promise<InstanceList>
  /** A machine by its name or id; throws `provider.not-found`. */
  getInstance(call: Call<C, S>, name: string): Promise<Instance>
  listOptions?(call: Call<C, S>, names?: readonly string[]): Promise<Option[]>

  /** Throws when the machine cannot be transferred with these settings. Has to be quick: it is asked before anything is made. */
  validate(call: TaskCall<C, S>): Promise<void>
  /** New settings of a transfer that has disks already. Gives the volumes as the new settings want them; throws when they are impossible. */
  update?(call: TaskCall<C, S>, request: SourceUpdate): Promise<readonly Volume[]>
  /** Makes what reading the disks needs (a helper machine, a snapshot). Not called for a transfer with a pool of source minions. */
  deployResources(call: TaskCall<C, S>, request: SourceRequest): Promise<Deployed>
  deleteResources(call: TaskCall<C, S>, resources: Own | null): Promise<void>
  shutdown(call: TaskCall<C, S>, exportInfo: Instance): Promise<void>
  /** `helper` is what `deployResources` made, or the pool's machine. */
  openDisk(call: TaskCall<C, S>, request: SourceRequest & { diskId: string; helper: Deployed | null }): Promise<SourceDisk>
  /**
   * Removes what earlier copies left at the source to find changes by: before the disks of a transfer are deleted, when a transfer is, and, for
   * volumes that have become a machine's own (`clone_disks: false`), before the next copy.
   */
  deleteSnapshots(call: TaskCall<C, S>, request: SourceRequest): Promise<readonly Volume[]>
}

export interface InstanceList {
  readonly instances: InstanceSummary[]
  /** Sentences for the user: what should be in the list and is not, and why. */
  readonly warnings?: string[]
}

export interface InstanceQuery {
  readonly marker?: string
  readonly limit?: number
  readonly name?: string
  /** Do not answer from memory. */
  readonly refresh: boolean
}

export interface SourceRequest {
  readonly exportInfo: Instance
  readonly volumes: readonly Volume[]
}

export interface SourceUpdate extends SourceRequest {
  readonly newEnvironment: Own
}

/** What was made for a while: how to find it again, and how to reach it (kept secret). */
export interface Deployed {
  readonly resources: Own
  readonly connectionInfo: Own
}
