import { sql } from 'kysely'
import type { ScriptRun } from '@instar/contract'
import { jsonText, type Store } from '@instar/store'
import type { Attempt } from '../execution/finish.ts'
import type { StepScriptLog, StepScriptRecorder, StepTask } from '../worker/step.ts'
import { HALF_BYTES, tailStart } from './output-window.ts'

/** Tells followers that a script wrote something or ended: the payload is the id of its record. */
export const OUTPUT_CHANNEL = 'instar_output'

/** Of the table. */
const MAX_CHUNK_BYTES = 256 * 1024
/** A script that writes all the time is written down so often. */
const FLUSH_MS = 200
/** A follower waits at most so long for what a quiet script wrote; pieces of one line come within it. */
const FIRST_FLUSH_MS = 10
/** How long the database may be away before a script's output is lost, and with it the step. */
const SAVE_TIMEOUT_MS = 60_000

const saveLimit = (): AbortSignal => AbortSignal.timeout(SAVE_TIMEOUT_MS)

type Stream = 'stdout' | 'stderr'

/** Keeps records and output of scripts in the database, with the execution; `half` is smaller in tests only. */
export function createScriptRecorder(options: { store: Store; attempt: Attempt; task: StepTask; half?: number }): StepScriptRecorder {
  const { store, attempt, task } = options
  return {
    open: async run => {
      const row = {
        id: run.id,
        execution_id: attempt.executionId,
        task_id: task.id,
        task_attempt: attempt.attempt,
        project_id: task.projectId,
        instance: task.instance,
        record: jsonText(run),
      }
      await store.transact(
        trx =>
          trx
            .insertInto('script_runs')
            .values(row)
            .onConflict(conflict => conflict.doNothing())
            .execute(),
        saveLimit(),
      )
      return new DatabaseLog(store, run.id, options.half ?? HALF_BYTES)
    },
  }
}

class DatabaseLog implements StepScriptLog {
  readonly place: string
  readonly #store: Store
  readonly #id: string
  readonly #streams: Readonly<Record<Stream, StreamWriter>>

  constructor(store: Store, id: string, half: number) {
    this.place = `script run ${id}`
    this.#store = store
    this.#id = id
    this.#streams = {
      stdout: new StreamWriter(store, { id, stream: 'stdout', half }),
      stderr: new StreamWriter(store, { id, stream: 'stderr', half }),
    }
  }

  write(stream: Stream, piece: Buffer): Promise<void> {
    return this.#streams[stream].write(piece)
  }

  async close(run: ScriptRun): Promise<void> {
    await this.#streams.stdout.close()
    await this.#streams.stderr.close()
    await this.#store.transact(async trx => {
      await trx
        .updateTable('script_runs')
        .set({ record: jsonText(run), ended_at: sql`now()` })
        .where('id', '=', this.#id)
        .execute()
      await this.#store.notify(trx, OUTPUT_CHANNEL, this.#id)
    }, saveLimit())
  }
}

/** Collects what comes within a moment to pieces of at most 256 KiB. A writer faster than the database waits for it. */
class StreamWriter {
  readonly #store: Store
  readonly #of: { readonly id: string; readonly stream: Stream; readonly half: number }
  #collected: Buffer[] = []
  #collectedBytes = 0
  #sizeBytes = 0
  #timer: NodeJS.Timeout | undefined
  #flushedAt = -Infinity
  #writing: Promise<void> = Promise.resolve()

  constructor(store: Store, of: { id: string; stream: Stream; half: number }) {
    this.#store = store
    this.#of = of
  }

  async write(piece: Buffer): Promise<void> {
    // Copied: the caller may use its buffer again.
    this.#collected.push(Buffer.from(piece))
    this.#collectedBytes += piece.length
    if (this.#collectedBytes >= MAX_CHUNK_BYTES) return this.#flush()
    this.#timer ??= setTimeout(
      () => {
        // What fails here fails again, and visibly, at the next write or at the end.
        this.#flush().catch(() => undefined)
      },
      Math.max(FIRST_FLUSH_MS, this.#flushedAt + FLUSH_MS - performance.now()),
    )
  }

  close(): Promise<void> {
    return this.#flush()
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#flushedAt = performance.now()
    this.#writing = this.#writing.then(async () => {
      const data = Buffer.concat(this.#collected)
      this.#collected = []
      this.#collectedBytes = 0
      for (let at = 0; at < data.length; at += MAX_CHUNK_BYTES) await this.#save(data.subarray(at, at + MAX_CHUNK_BYTES))
    })
    return this.#writing
  }

  async #save(chunk: Buffer): Promise<void> {
    const { id, stream, half } = this.#of
    const start = this.#sizeBytes
    const size = start + chunk.length
    const column = stream === 'stdout' ? 'stdout_bytes' : 'stderr_bytes'
    await this.#store.transact(async trx => {
      for (const part of splitAt(chunk, start, half)) {
        await trx
          .insertInto('script_output')
          .values({ script_run_id: id, stream, ...part })
          .onConflict(conflict => conflict.doNothing())
          .execute()
      }
      await sql`delete from script_output where script_run_id = ${id} and stream = ${stream}
        and start_byte >= ${half} and start_byte + length(data) <= ${tailStart(size, half)}`.execute(trx)
      await sql`update script_runs set ${sql.ref(column)} = ${size} where id = ${id}`.execute(trx)
      await this.#store.notify(trx, OUTPUT_CHANNEL, id)
    }, saveLimit())
    this.#sizeBytes = size
  }
}

/** No piece lies across the end of the head, so that the head stays whole when the middle goes. */
function splitAt(chunk: Buffer, start: number, half: number): { start_byte: number; data: Buffer }[] {
  if (start >= half || start + chunk.length <= half) return [{ start_byte: start, data: chunk }]
  return [
    { start_byte: start, data: chunk.subarray(0, half - start) },
    { start_byte: half, data: chunk.subarray(half - start) },
  ]
}
