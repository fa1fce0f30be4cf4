import type { RefreshEvent } from './events.ts'

/** What a run has from outside. */
export interface World {
  /** Instar's state folder: the journal lies in `refresh` below it. */
  readonly stateDir: string
  /** Handed to scripts whole. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Set when a signal asks to stop. */
  readonly signal: AbortSignal
  readonly now: () => Date
  /** Another one after each boot. */
  readonly bootId: string
  /** Shows an event of the run. */
  readonly take: (event: RefreshEvent) => void
}
