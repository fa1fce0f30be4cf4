import { sql } from 'kysely'
import type { EventBody, Log } from '@instar/contract'
import { jsonText, type Store } from '@instar/store'
import type { Announcer } from '../announcer.ts'
import { cutMessage } from '../events/cut-message.ts'
import { stepName } from '../events/task-event.ts'
import { EVENTS_CHANNEL } from '../events/write-events.ts'
import type { Attempt } from '../execution/finish.ts'
import type { EngineParts } from '../parts.ts'
import type { StepTask } from './step.ts'

/** What users are told goes to the database at most so often. */
const FLUSH_MS = 1_000
/** A script's begin and end are few, and who follows it waits for them. */
const SCRIPT_FLUSH_MS = 20

interface ProgressRow {
  readonly idx: number
  readonly id: string
  readonly message: string
  current: number
  total: number
  isDirty: boolean
}

interface NotedEvent {
  readonly id: string
  readonly level: 'INFO' | 'WARNING' | 'ERROR'
  readonly message: string
}

/**
 * What a step tells while it runs: progress, events of the task, events for followers. Collected, and written once a second and at the end. Of progress
 * between two writes the last counts. Nothing is written once the attempt is another worker's.
 */
export class StepNotes {
  readonly #store: Store
  readonly #announcer: Announcer
  readonly #attempt: Attempt
  readonly #task: StepTask
  readonly #newId: () => string
  readonly #log: Log
  readonly #progress: ProgressRow[] = []
  #events: NotedEvent[] = []
  #told: EventBody[] = []
  #lastProgress: EventBody | undefined
  #firstIdx: Promise<{ progress: number; events: number }> | undefined
  #eventCount = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(parts: EngineParts, attempt: Attempt, task: StepTask) {
    this.#store = parts.store
    this.#announcer = parts.announcer
    this.#attempt = attempt
    this.#task = task
    this.#newId = parts.newId
    this.#log = parts.log
  }

  progress(message: string, current?: number, total?: number): void {
    const text = cutMessage(message)
    const last = this.#progress.at(-1)
    const isBar = current !== undefined && total !== undefined
    if (isBar && last?.message === text && last.total > 0) {
      last.current = Math.max(last.current, Math.round(current))
      last.total = Math.round(total)
      last.isDirty = true
    } else {
      const idx = this.#progress.length
      const numbers = isBar ? { current: Math.round(current), total: Math.round(total) } : { current: 0, total: 0 }
      this.#progress.push({ idx, id: this.#newId(), message: text, ...numbers, isDirty: true })
    }
    const percent = isBar && total > 0 ? { percent: Math.min(100, Math.round((1_000 * current) / total) / 10) } : {}
    this.#replaceProgress({ kind: 'progress', ...this.#of(), message: text, ...percent })
  }

  event(level: 'INFO' | 'WARNING' | 'ERROR', message: string): void {
    this.#events.push({ id: this.#newId(), level, message: cutMessage(message) })
    this.#told.push({ kind: level === 'INFO' ? 'progress' : 'warning', ...this.#of(), message: cutMessage(message) })
    this.#schedule()
  }

  /** Output of scripts is kept beside their records and is not repeated here. */
  emit(event: EventBody): void {
    if (event.kind === 'output') return
    const body = { instance: this.#task.instance, ...event }
    if (event.kind === 'progress') return this.#replaceProgress(body)
    this.#told.push(body)
    this.#schedule(body.kind === 'script' ? SCRIPT_FLUSH_MS : FLUSH_MS)
  }

  /** Writes what is left; later calls are dropped. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#flush()
  }

  /** The same progress told again within a second takes the place of what was told before. */
  #replaceProgress(body: EventBody): void {
    if (this.#lastProgress !== undefined && this.#told.at(-1) === this.#lastProgress) this.#told.pop()
    this.#told.push(body)
    this.#lastProgress = body
    this.#schedule()
  }

  /** Which task tells it. */
  #of(): { readonly instance: string; readonly step: string } {
    return { instance: this.#task.instance, step: stepName(this.#task.type) }
  }

  #schedule(delayMs = FLUSH_MS): void {
    if (this.#isClosed || (this.#timer !== undefined && delayMs === FLUSH_MS)) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#flush()
    }, delayMs)
  }

  #flush(): Promise<void> {
    this.#writing = this.#writing
      .then(() => this.#write())
      // Told again at the next second; the step's work does not hang on it.
      .catch((error: unknown) => this.#log.warn({ error }, 'what a step told could not be saved'))
    return this.#writing
  }

  async #write(): Promise<void> {
    const dirty = this.#progress.filter(row => row.isDirty)
    const [events, told] = [this.#events, this.#told]
    if (dirty.length + events.length + told.length === 0) return
    const first = await (this.#firstIdx ??= this.#findFirstIdx())
    for (const row of dirty) row.isDirty = false
    this.#events = []
    this.#told = []
    const rows = dirty.map(({ idx, id, message, current, total }) => ({ idx: first.progress + idx, id, message, current, total }))
    const noted = events.map((event, place) => ({ ...event, idx: first.events + this.#eventCount + place }))
    this.#eventCount += events.length
    const { taskId, attempt, executionId } = this.#attempt
    await sql`
      with ours as (select id, project_id from tasks where id = ${taskId} and attempt = ${attempt} and state in ('running', 'cancelling')),
      progress as (
        insert into task_progress (task_id, idx, id, message, current_step, total_steps)
        select ours.id, r.idx, r.id, r.message, r.current, r.total
        from ours, jsonb_to_recordset(${jsonText(rows)}::jsonb) as r (idx int, id uuid, message text, current bigint, total bigint)
        on conflict (task_id, idx) do update set current_step = excluded.current_step, total_steps = excluded.total_steps, updated_at = now()),
      noted as (
        insert into task_events (task_id, idx, id, level, message)
        select ours.id, r.idx, r.id, r.level, r.message
        from ours, jsonb_to_recordset(${jsonText(noted)}::jsonb) as r (idx int, id uuid, level text, message text)
        on conflict do nothing)
      insert into events (project_id, execution_id, body)
      select ours.project_id, ${executionId}, body from ours, jsonb_array_elements(${jsonText(told)}::jsonb) as body`.execute(
      this.#store.db,
    )
    if (told.length > 0) this.#announcer.announce(EVENTS_CHANNEL, this.#task.projectId)
  }

  /** An earlier attempt may have told something; it stays. */
  async #findFirstIdx(): Promise<{ progress: number; events: number }> {
    if (this.#attempt.attempt === 1) return { progress: 0, events: 0 }
    const { rows } = await sql<{ progress: number; events: number }>`select
      (select coalesce(max(idx) + 1, 0) from task_progress where task_id = ${this.#attempt.taskId}) as progress,
      (select coalesce(max(idx) + 1, 0) from task_events where task_id = ${this.#attempt.taskId}) as events`.execute(this.#store.db)
    return rows[0] ?? { progress: 0, events: 0 }
  }
}
