import type { ScriptRun } from '@instar/contract'

/** Where the records and the output of scripts go: files beside the record for the CLI, the database for the service. */
export interface ScriptRecorder {
  /** Keeps the record of a script that is about to start, durably: after a power cut it is known that it was begun. */
  open(run: ScriptRun, payload: string): Promise<ScriptLog>
}

/** The output of one attempt, from its start to `close`. */
export interface ScriptLog {
  /** Where an operator finds it, in words for messages: the names of its files, say. */
  readonly place: string
  write(stream: 'stdout' | 'stderr', piece: Buffer): Promise<void>
  /** Keeps the finished record; nothing is written afterwards. */
  close(run: ScriptRun): Promise<void>
}
