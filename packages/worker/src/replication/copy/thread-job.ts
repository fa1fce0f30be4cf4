import type { NbdTarget } from '@instar/machine/nbd'
import type { CopyState } from './copy-state.ts'

/** What a thread of a copy is given. */
export interface ThreadJob {
  readonly target: NbdTarget
  readonly state: CopyState
  /** Absent: nothing is written, the hashes alone are wanted. */
  readonly output?: ThreadOutput
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
