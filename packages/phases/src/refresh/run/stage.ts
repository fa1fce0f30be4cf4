import type { Limits } from './limits.ts'
import type { ScriptFiles } from './script-files.ts'
import type { Session } from './session.ts'
import type { ShellPool } from './shell-pool.ts'

/** A phase, or error.d, as it runs. */
export interface Stage {
  readonly session: Session
  /** `error` for error.d. */
  readonly phase: string
  readonly isParallel: boolean
  readonly retries: number
  readonly limits: Limits
  readonly shells: ShellPool
  readonly files: ScriptFiles
}
