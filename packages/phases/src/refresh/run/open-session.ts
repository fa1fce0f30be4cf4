import { InstarError } from '@instar/contract/errors'
import { RunContainment } from '../containment/run-containment.ts'
import { thisProcess } from '../journal/owner.ts'
import type { RefreshRun } from '../journal/records.ts'
import { newRefreshId, type RefreshStore } from '../journal/store.ts'
import { JournalWriter } from '../journal/writer.ts'
import { ForkCounter } from '../output/fork-counter.ts'
import { Polling } from '../output/polling.ts'
import { OutputSlots } from '../output/slots.ts'
import type { Beginning } from './beginning.ts'
import { createEmit } from './events.ts'
import { warn, type Session } from './session.ts'
import type { World } from './world.ts'

/** How often the output of running scripts is looked at. */
const POLL_MS = 100

/** Begins a run, or goes on with one: its journal says so on disk before anything else happens. Throws `refresh.journal-unwritable`. */
export async function openSession(beginning: Beginning, store: RefreshStore, world: World): Promise<Session> {
  const { continues, options } = beginning
  const id = continues?.id ?? newRefreshId(world.now())
  const { emit, flush } = createEmit(id, world.now, world.take)
  const journal = openJournal(store.journalOf(id), error =>
    emit({ kind: 'warning', message: `the journal is incomplete: ${reasonOf(error)}` }),
  )
  const owner = thisProcess()
  const at = world.now().toISOString()
  const from = beginning.resumedFrom
  if (continues !== undefined) journal.append({ kind: 'continued', at, owner })
  else
    journal.append({ kind: 'run', version: 1, id, started_at: at, owner, options, ...(from === undefined ? {} : { resumed_from: from }) })
  await (continues === undefined ? journal.flushNew() : journal.flush())
  const before = continues?.scripts ?? []
  let number = before.length
  const session: Session = {
    id,
    folder: store.folderOf(id),
    options,
    world,
    journal,
    emit,
    showEvents: flush,
    containment: new RunContainment(id, options.containment, (how, reason) =>
      journal.append({ kind: 'containment', how, ...(reason === undefined ? {} : { reason }) }),
    ),
    slots: new OutputSlots(store.folderOf(id), Math.max(0, ...before.map(({ output }) => Number(output))), error =>
      warn(session, `the output of a script is not kept: ${reasonOf(error)}`),
    ),
    forks: new ForkCounter(),
    polling: new Polling(POLL_MS),
    nextNumber: () => (number += 1),
  }
  return session
}

/** A run that waits for its reboot while another begins will not go on: its journal says so. */
export async function abandon(waiting: RefreshRun, store: RefreshStore, world: World): Promise<void> {
  const journal = openJournal(store.journalOf(waiting.id), () => undefined)
  journal.append({ kind: 'end', at: world.now().toISOString(), state: 'cancelled', exit_code: 1 })
  await journal.close()
}

function openJournal(file: string, complain: (error: unknown) => void): JournalWriter {
  try {
    return new JournalWriter(file, complain)
  } catch (error) {
    throw new InstarError('refresh.journal-unwritable', `cannot write the journal ${file}`, { cause: error })
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
