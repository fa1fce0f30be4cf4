import type { InstarEvent } from '@instar/contract'

/** Shows a run to the user as its events come. */
export interface View {
  take(event: InstarEvent): void
  /** Leaves the terminal as it should be; nothing is shown afterwards. */
  close(): void
}
