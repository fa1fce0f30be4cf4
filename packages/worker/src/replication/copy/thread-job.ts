import type { NbdTarget } from '@instar/machine/nbd'
import type { CopyState } from './copy-state.ts'

/** What a thread of a copy is given. */
export interface ThreadJob {
  readonly target: NbdTarget
  /** Absent: all is read through the target. */
  readonly plain?: PlainFiles
  readonly state: CopyState
  /** Absent: nothing is written, the hashes alone are wanted. */
  readonly output?: ThreadOutput
}

/** Open files in which the source's data lies as it is. */
export interface PlainFiles {
  readonly fds: readonly number[]
  /** As in `PlainData`; the files are places in `fds`. */
  readonly stretches: Float64Array
}

export interface ThreadOutput {
  readonly dataFd: number
  /** Opened for appending. */
  readonly journalFd: number
  /** The new file is based on an earlier one, so that zero must be said. */
  readonly hasBase: boolean
}

/** What a thread says, once. */
export type ThreadMessage =
  | { readonly kind: 'done' }
  | {
      readonly kind: 'failed'
      readonly message: string
      readonly code: string | undefined
      readonly details: Readonly<Record<string, unknown>>
    }
