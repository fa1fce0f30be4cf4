import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract'
import type { FollowEvents, StoredEvent } from '@instar/engine'
import type { RouteName } from '@instar/contract/api'
import type { ApiDeps } from '../api-deps.ts'
import type { Call, Handlers } from '../http/call.ts'
import { requirePool } from '../pools/pool.ts'
import { requireAnyExecution } from './script-runs.ts'

/** A line for whatever stands between us and the reader, so that it does not close a quiet connection. */
const KEEP_ALIVE_MS = 15_000

type EventCall = Call<'events.ofProject'> | Call<'events.ofExecution'> | Call<'events.ofPool'>

/** Events as server-sent events: `id` is their number, to be sent back in Last-Event-ID. */
export function eventRoutes(deps: ApiDeps) {
  return {
    'events.ofProject': async call => stream(deps, call, undefined),
    'events.ofExecution': async call =>
      stream(deps, call, { executionId: await requireAnyExecution(deps.store.db, call.projectId, call.params.execution_id) }),
    'events.ofPool': async call =>
      stream(deps, call, { poolId: (await requirePool(deps.store.db, call.projectId, call.params.pool_id)).id }),
  } satisfies Partial<Handlers<RouteName>>
}

async function stream(deps: ApiDeps, call: EventCall, of: FollowEvents['of']): Promise<void> {
  const { reply, request, projectId, signal } = call
  const after = readLastEventId(call)
  const live = call.query.follow !== false
  const ended = new AbortController()
  const until = AbortSignal.any([signal, ended.signal])
  const events = deps.engine.followEvents({ projectId, ...(of === undefined ? {} : { of }), after, live, signal: until })
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-openstack-request-id': request.id,
  })
  // Before the first event there may be a long silence, and the client waits for the head.
  raw.flushHeaders()
  const keepAlive = setInterval(() => void raw.write(': still here\n\n'), KEEP_ALIVE_MS)
  if (of !== undefined && 'executionId' in of && live) void endWith(deps, of.executionId, { signal, ended })
  try {
    for await (const event of events) {
      if (!raw.write(eventText(event))) await drained(raw, signal)
    }
  } catch (error) {
    if (!until.aborted) deps.log.error({ error, requestId: request.id }, 'a stream of events broke')
  } finally {
    clearInterval(keepAlive)
    ended.abort()
    raw.end()
  }
}

function readLastEventId({ request, query }: EventCall): number {
  const text = request.headers['last-event-id'] ?? query.last_event_id ?? '0'
  if (typeof text !== 'string' || !/^\d{1,15}$/.test(text)) throw new InstarError('api.bad-query', 'Last-Event-ID is no number of an event')
  return Number(text)
}

function eventText({ executionId, poolId, event }: StoredEvent): string {
  return `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify({ ...event, execution_id: executionId, pool_id: poolId })}\n\n`
}

/** Waits until the reader has room again, or is gone; also when it is gone already. */
async function drained(raw: Call<'events.ofProject'>['reply']['raw'], signal: AbortSignal): Promise<void> {
  await once(raw, 'drain', { signal }).catch(() => undefined)
}

const END_LOOK_MS = 1_000
/** Long enough for the last events to have been numbered and read. */
const END_GRACE_MS = 500

/** Ends a stream once its execution has ended, with one event that says so. */
async function endWith(
  { store, log }: ApiDeps,
  executionId: string,
  { signal, ended }: { signal: AbortSignal; ended: AbortController },
): Promise<void> {
  const until = AbortSignal.any([signal, ended.signal])
  try {
    for (;;) {
      const row = await store.db.selectFrom('executions').select('ended_at').where('id', '=', executionId).executeTakeFirst()
      if (row === undefined || row.ended_at !== null) break
      await sleep(END_LOOK_MS, undefined, { signal: until })
    }
    await sleep(END_GRACE_MS, undefined, { signal: until })
    ended.abort()
  } catch (error) {
    if (!until.aborted) log.warn({ error, execution: executionId }, 'cannot tell whether an execution has ended')
  }
}
