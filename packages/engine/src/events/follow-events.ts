import { setTimeout as sleep } from 'node:timers/promises'
import type { EventBody, InstarEvent } from '@instar/contract'
import type { Store } from '@instar/store'
import type { FollowEvents, StoredEvent } from '../engine.ts'
import { subscribe } from '../notified.ts'
import { numberEvents } from './number-events.ts'
import { EVENTS_CHANNEL } from './write-events.ts'

const PAGE = 500
/** A follower looks at most so often, however much is written. */
const LOOK_EVERY_MS = 50

/** See `Engine.followEvents`. */
export async function* followEvents(store: Store, request: FollowEvents): AsyncGenerator<StoredEvent> {
  using news = await subscribe(store, EVENTS_CHANNEL, request.projectId)
  let after = request.after
  while (!request.signal.aborted) {
    const page = await store.retry(async () => {
      await numberEvents(store, request.projectId)
      return readPage(store, request, after)
    }, request.signal)
    for (const stored of page) {
      yield stored
      after = stored.event.seq
    }
    if (page.length === PAGE) continue
    if (!request.live) return
    await news.next(request.signal)
    await sleep(LOOK_EVERY_MS, undefined, { signal: request.signal }).catch(() => undefined)
  }
}

async function readPage(store: Store, { projectId, of }: FollowEvents, after: number): Promise<StoredEvent[]> {
  const ofProject = store.db
    .selectFrom('events')
    .select(['seq', 'at', 'execution_id', 'pool_id', 'body'])
    .where('project_id', '=', projectId)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(PAGE)
  const rows = await (
    of === undefined
      ? ofProject
      : 'executionId' in of
        ? ofProject.where('execution_id', '=', of.executionId)
        : ofProject.where('pool_id', '=', of.poolId)
  ).execute()
  return rows.map(({ seq, at, execution_id, pool_id, body }) => ({
    executionId: execution_id,
    poolId: pool_id,
    event: { version: 1, seq: seq ?? 0, at: at.toISOString(), run_id: execution_id ?? '', ...(body as EventBody) } satisfies InstarEvent,
  }))
}
