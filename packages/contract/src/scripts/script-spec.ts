import type { MachinePhase } from '../phases.ts'

/** The types of OS that a global script can be given for; the first five are those of the v1 API. */
export const OS_TYPES = ['bsd', 'linux', 'osx', 'solaris', 'windows'] as const
export type OsType = (typeof OS_TYPES)[number]

export const DEFAULT_TIMEOUT_S = 3600
/** How often a script may be tried again, in every phase. */
export const MAX_RETRIES = 99

/** Where a script came from: given for an OS type, for one machine, or from this machine's own folder. */
export type ScriptSource = 'global' | 'instance' | 'dir'

/** One user script, ready to run: its text and the rules of its run. */
export interface ScriptSpec {
  /** Shown in plans, records and events; unique within its phase (a second `x` becomes `x-2`). */
  readonly name: string
  readonly phase: MachinePhase
  readonly source: ScriptSource
  readonly payload: string
  /** Seconds for each attempt; 0 = no limit. */
  readonly timeoutS: number
  /** How often it is tried again after a failure; 0 = once in all. */
  readonly retries: number
  readonly onFailure: 'abort' | 'continue'
  readonly env: Readonly<Record<string, string>>
}

/** A secret for scripts: written as a file of this name under $INSTAR_SECRETS_DIR, never shown. */
export interface Secret {
  readonly name: string
  readonly value: Uint8Array
}
