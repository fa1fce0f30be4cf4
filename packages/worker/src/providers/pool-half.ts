import type { Instance } from '@instar/contract/api'
import type { ZodMiniType } from 'zod/mini'
import type { Volume } from './disks.ts'
import type { Call, Option, Own, TaskCall } from './provider.ts'

/** A machine of a pool as its platform knows it. */
export interface MinionMachine {
  /** How to find it; shown to the user. */
  readonly providerProperties: Own
  /** How to reach it; keys and passwords are masked where it is shown. */
  readonly connectionInfo: Own
  /** How copied data is written to it, where that is another way. */
  readonly backupWriterConnectionInfo?: Own
}

/**
 * Machines that live inside the worker that made them, and die with it. Tasks on such a machine are done by that worker; when it is gone they may
 * come to another one, for which the machine is then not there.
 */
export interface HeldMachines {
  /** The keys of those that live here, or are being made. */
  keys(): readonly string[]
  /** Ends these, whatever they do: their pools know nothing of them any more. */
  end(keys: readonly string[]): Promise<void>
  /** Tells when an idle one has ended by itself, and is not among `keys` any more. Absent: that is found out by looking. */
  onLost?(tell: () => void): Disposable
}

/** Minion pools of one side: warm helper machines. */
export interface PoolHalf<C, P> {
  /** Absent where machines live by themselves. */
  readonly held?: HeldMachines
  /** The pool's `environment_options`. */
  readonly environment: ZodMiniType<P>
  listOptions(call: Call<C, P>, names?: readonly string[]): Promise<Option[]>
  validate(call: TaskCall<C, P>): Promise<void>
  /** What all machines of the pool share (a network, a key). */
  setUpShared(call: TaskCall<C, P>): Promise<Own>
  tearDownShared(call: TaskCall<C, P>, shared: Own | null): Promise<void>
  createMachine(call: TaskCall<C, P>, shared: Own): Promise<MinionMachine>
  deleteMachine(call: TaskCall<C, P>, machine: MinionMachine | null): Promise<void>
  /** Throws when the machine cannot be used any more. */
  checkHealth(call: TaskCall<C, P>, machine: MinionMachine): Promise<void>
  powerOn(call: TaskCall<C, P>, machine: MinionMachine): Promise<void>
  powerOff(call: TaskCall<C, P>, machine: MinionMachine): Promise<void>
  /** Throws when this machine cannot serve the transfer or deployment. */
  checkFits(call: TaskCall<C, P>, request: { machine: MinionMachine; exportInfo: Instance; transferEnvironment: Own }): Promise<void>
  /** The volumes of a replica, to be written. */
  attachVolumes(call: TaskCall<C, P>, request: { machine: MinionMachine; volumes: readonly Volume[] }): Promise<readonly Volume[]>
  detachVolumes(call: TaskCall<C, P>, request: { machine: MinionMachine; volumes: readonly Volume[] }): Promise<readonly Volume[]>
  /** The disks of a machine that is being deployed (what `deployInstance` gave), to be morphed. Gives the same with what attaching told. */
  attachInstance(call: TaskCall<C, P>, request: { machine: MinionMachine; instanceInfo: Own }): Promise<Own>
  detachInstance(call: TaskCall<C, P>, request: { machine: MinionMachine; instanceInfo: Own }): Promise<Own>
}
