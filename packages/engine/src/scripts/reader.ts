import { sql } from 'kysely'
import { ScriptRun } from '@instar/contract'
import type { Store } from '@instar/store'
import type { OutputExtent, OutputStream, ReadOutput, ScriptReader, StoredScriptRun } from '../engine.ts'
import { subscribe } from '../notified.ts'
import { HALF_BYTES, leftOut } from './output-window.ts'
import { OUTPUT_CHANNEL } from './recorder.ts'

interface RunRow {
  execution_id: string
  task_id: string | null
  instance: string
  record: Record<string, unknown>
  stdout_bytes: number
  stderr_bytes: number
  has_ended: boolean
  is_interrupted: boolean
}

/** Reads records and output of scripts; `half` is smaller in tests only. */
export function createScriptReader(store: Store, half = HALF_BYTES): ScriptReader {
  const select = (where: ReturnType<typeof sql>) =>
    sql<RunRow>`
    select s.execution_id, s.task_id, s.instance, s.record, s.stdout_bytes, s.stderr_bytes,
      s.ended_at is not null or not at_work as has_ended, s.ended_at is null and not at_work as is_interrupted
    from script_runs s left join tasks t on t.id = s.task_id,
      lateral (select coalesce(t.state in ('running', 'cancelling') and t.attempt = s.task_attempt, false) as at_work) as l
    where ${where} order by s.created_at, s.id`.execute(store.db)
  return {
    list: async executionId => (await select(sql`s.execution_id = ${executionId}`)).rows.map(storedOf),
    find: async (projectId, id) => {
      // The records of a deleted execution may be there for a moment more.
      const isShown = sql`exists (select from executions e where e.id = s.execution_id and e.deleted_at is null)`
      const [row] = (await select(sql`s.id = ${id} and s.project_id = ${projectId} and ${isShown}`)).rows
      return row === undefined ? undefined : storedOf(row)
    },
    describe: async (id, stream) => extentOf((await select(sql`s.id = ${id}`)).rows[0], stream, half),
    read: request =>
      readOutput(store, request, async () => extentOf((await select(sql`s.id = ${request.scriptRunId}`)).rows[0], request.stream, half)),
  }
}

/** A record that its worker could not close tells what is known: it was interrupted, and its output is what was kept. */
function storedOf(row: RunRow): StoredScriptRun {
  const record = ScriptRun.parse(row.record)
  const sizes = { stdout_bytes: row.stdout_bytes, stderr_bytes: row.stderr_bytes }
  const run = record.ended_at === null ? { ...record, ...sizes, interrupted: row.is_interrupted } : record
  return { executionId: row.execution_id, taskId: row.task_id, instance: row.instance, run }
}

function extentOf(row: RunRow | undefined, stream: OutputStream, half: number): OutputExtent {
  const sizeBytes = row?.[`${stream}_bytes`] ?? 0
  return { sizeBytes, leftOut: leftOut(sizeBytes, half), hasEnded: row?.has_ended ?? true }
}

async function* readOutput(store: Store, request: ReadOutput, describe: () => Promise<OutputExtent>): AsyncGenerator<Buffer> {
  using news = await subscribe(store, OUTPUT_CHANNEL, request.scriptRunId)
  let at = request.from
  for (;;) {
    request.signal.throwIfAborted()
    // First whether it has ended, then what is there: the other way round the last piece could be missed.
    const extent = await describe()
    const end = Math.min(request.to ?? extent.sizeBytes, extent.sizeBytes)
    for (let chunk = await nextChunk(store, request, at); chunk !== undefined && at < end; chunk = await nextChunk(store, request, at)) {
      const start = chunk.start_byte
      const isTail = extent.leftOut !== null && start >= extent.leftOut.from
      const from = Math.max(at, start, isTail ? (extent.leftOut?.to ?? 0) : 0)
      const to = Math.min(start + chunk.data.length, end)
      at = from < to ? to : start + chunk.data.length
      if (from < to) yield chunk.data.subarray(from - start, to - start)
    }
    if (!request.follow || extent.hasEnded || (request.to !== undefined && at >= request.to)) return
    await news.next(request.signal)
  }
}

async function nextChunk(
  store: Store,
  { scriptRunId, stream }: ReadOutput,
  at: number,
): Promise<{ start_byte: number; data: Buffer } | undefined> {
  return store.db
    .selectFrom('script_output')
    .select(['start_byte', 'data'])
    .where('script_run_id', '=', scriptRunId)
    .where('stream', '=', stream)
    .where(sql<boolean>`start_byte + length(data) > ${at}`)
    .orderBy('start_byte')
    .limit(1)
    .executeTakeFirst()
}
