import type { EventBody, InstarEvent } from '@instar/contract'
import type { Store } from '@instar/store'
import type { FollowEvents, StoredEvent } from '../engine.ts'
import { subscribe } from '../notified.ts'

/** Notified by the trigger that numbers events; the payload is the project's id. */
const EVENTS_CHANNEL = 'instar_events'
const PAGE = 500

/** See `Engine.followEvents`. */
export async function* followEvents(store: Store, request: FollowEvents): AsyncGenerator<StoredEvent> {
  using news = await subscribe(store, EVENTS_CHANNEL, request.projectId)
  let after = request.after
  while (!request.signal.aborted) {
    const page = await store.retry(() => readPage(store, request, after), request.signal)
    for (const stored of page) {
      yield stored
      after = stored.event.seq
    }
    if (page.length === PAGE) continue
    if (!request.live) return
    await news.next(request.signal)
  }
}

async function readPage(store: Store, { projectId, executionId }: FollowEvents, after: number): Promise<StoredEvent[]> {
  const rows = await store.db
    .selectFrom('events')
    .select(['seq', 'at', 'execution_id', 'body'])
    .where('project_id', '=', projectId)
    .where('seq', '>', after)
    .$if(executionId !== undefined, query => query.where('execution_id', '=', executionId ?? null))
    .orderBy('seq')
    .limit(PAGE)
    .execute()
  return rows.map(({ seq, at, execution_id, body }) => ({
    executionId: execution_id,
    event: { version: 1, seq: seq ?? 0, at: at.toISOString(), run_id: execution_id ?? '', ...(body as EventBody) } satisfies InstarEvent,
  }))
}
