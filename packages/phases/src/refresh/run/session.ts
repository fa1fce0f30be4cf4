import type { RunContainment } from '../containment/run-containment.ts'
import type { RunOptions } from '../journal/records.ts'
import type { JournalWriter } from '../journal/writer.ts'
import type { ForkCounter } from '../output/fork-counter.ts'
import type { Polling } from '../output/polling.ts'
import type { OutputSlots } from '../output/slots.ts'
import type { Emit } from './events.ts'
import type { World } from './world.ts'

/** One run as it goes on in this process. */
export interface Session {
  readonly id: string
  readonly folder: string
  readonly options: RunOptions
  readonly world: World
  readonly journal: JournalWriter
  readonly emit: Emit
  /** Shows the events that are still waiting. */
  readonly showEvents: () => void
  readonly containment: RunContainment
  readonly slots: OutputSlots
  readonly forks: ForkCounter
  readonly polling: Polling
  /** A number for the next record of a script: 1, 2, ... */
  readonly nextNumber: () => number
}

export function warn(session: Session, message: string): void {
  session.journal.append({ kind: 'warning', at: session.world.now().toISOString(), message })
  session.emit({ kind: 'warning', message })
}
