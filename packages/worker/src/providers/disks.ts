import type { ImageLink } from '@instar/machine'
import type { Own } from './provider.ts'

/** A machine's disk at the destination, one entry of `volumes_info`. Everything but `disk_id` is the provider's own. */
export interface Volume extends Own {
  /** The disk's id at the source. */
  readonly disk_id: string
  /** What the last copy left for the next: where the generations are, which state the source had. */
  readonly replica_state?: Own
}

/** A disk opened for reading at the source. It does not change while it is open, and is closed when it is disposed. */
export interface SourceDisk extends AsyncDisposable {
  readonly diskId: string
  readonly sizeBytes: number
  readonly content: SourceContent
  /** Dirty bitmaps may be made and used on the source (`bitmaps: true` of the machine); else changes are found by hashes. */
  readonly mayUseBitmaps: boolean
}

/** How the bytes are had: image files on the worker's host, an NBD export, or none at all (a simulated disk, which reads as zeros). */
export type SourceContent =
  | { readonly kind: 'images'; readonly chain: readonly ImageLink[] }
  | { readonly kind: 'nbd'; readonly socketPath: string; readonly exportName: string }
  | { readonly kind: 'none' }

/** A disk at the destination that can take the source's content. */
export interface DestinationDisk extends AsyncDisposable {
  /**
   * Copies what changed since `replica_state`, or everything, and gives the new `replica_state`. Real providers return here what
   * `replication/` makes; only a platform that copies on its own has code of its own.
   */
  receive(source: SourceDisk, options: ReceiveOptions): Promise<Own>
}

export interface ReceiveOptions {
  readonly signal: AbortSignal
  /** One per execution: a copy that was killed goes on under the same id, and makes one generation. */
  readonly executionId: string
  /** Compare source and destination after the copy. */
  readonly verify: boolean
  /** Bytes done of the bytes that have to be copied; both may grow. */
  progress(doneBytes: number, totalBytes: number): void
}
