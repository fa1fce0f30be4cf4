import type { CopyProgress } from './copy/run-copy.ts'
import type { Forecast } from './forecast.ts'
import type { Replica } from './open-replica.ts'
import type { Generation } from './replica-record.ts'
import type { ReadableDisk } from './source/readable-disk.ts'
import type { Tracking } from './source/track-changes.ts'
import type { Retention } from './tidy.ts'

export interface ReplicateRequest {
  readonly source: ReadableDisk
  /** The replica's own folder. */
  readonly folder: string
  /** One per execution: repeated with the same id, it goes on with the same generation or finds it done. */
  readonly executionId: string
  /** Reads the copy, and what has no hashes of the source again, and compares them before the generation counts. */
  readonly verify: boolean
  /** How many files a generation may consist of, at least 3. */
  readonly chainLimit?: number
  readonly retention?: Retention
  /** How many threads read and hash; default one for each CPU, at most 4. */
  readonly threads?: number
  readonly now: () => Date
  readonly signal: AbortSignal
  readonly onProgress: (forecast: Forecast) => void
  /** A sentence for the user about what is done beside the copy, or could not be done. */
  readonly say: (message: string) => void
}

/** All that the steps of one copy share. */
export interface CopyRun {
  readonly request: ReplicateRequest
  readonly replica: Replica
  readonly base: Generation | undefined
  readonly number: number
  readonly tracking: Tracking
  readonly threads: number
  readonly onProgress: (done: CopyProgress) => void
}
