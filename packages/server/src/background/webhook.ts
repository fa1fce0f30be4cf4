import { createHmac } from 'node:crypto'
import { sql } from 'kysely'
import type { ApiDeps } from '../api-deps.ts'

export interface WebhookSettings {
  readonly url: string
  /** Signs the body: `X-Instar-Signature: sha256=<HMAC of time, a dot, and the body>`. */
  readonly secret: string
}

const SEND_TIMEOUT_MS = 10_000
/** 10 s, doubling, at most an hour; the last of 15 attempts comes after about eight hours. */
const FIRST_PAUSE_S = 10
const MAX_PAUSE_S = 3600
const MAX_ATTEMPTS = 15
/** While a server sends, no other one takes the same delivery. */
const CLAIM_S = 60
/** Without a webhook failures are not kept for one that comes later. */
const KEPT_WITHOUT_S = 600

type WebhookDeps = Pick<ApiDeps, 'store' | 'log' | 'now'> & { readonly fetch: typeof fetch }

/** Sends the failures that are due; answers how many. */
export async function sendWebhooks(
  { store, log, now, fetch }: WebhookDeps,
  webhook: WebhookSettings | undefined,
  signal: AbortSignal,
): Promise<number> {
  const { db } = store
  if (webhook === undefined) {
    await db
      .deleteFrom('webhook_deliveries')
      .where('created_at', '<', new Date(now().getTime() - 1000 * KEPT_WITHOUT_S))
      .execute()
    return 0
  }
  const due = await db
    .updateTable('webhook_deliveries')
    .set({ next_at: new Date(now().getTime() + 1000 * CLAIM_S), attempts: sql`attempts + 1` })
    .where('id', 'in', eb =>
      eb.selectFrom('webhook_deliveries').select('id').where('next_at', '<=', now()).orderBy('next_at').limit(20).forUpdate().skipLocked(),
    )
    .returning(['id', 'body', 'attempts'])
    .execute()
  for (const { id, body, attempts } of due) {
    const text = JSON.stringify({ id, ...body })
    const failure = await send(fetch, webhook, { text, time: now(), signal })
    if (failure === undefined || attempts >= MAX_ATTEMPTS) await db.deleteFrom('webhook_deliveries').where('id', '=', id).execute()
    else
      await db
        .updateTable('webhook_deliveries')
        .set({ next_at: new Date(now().getTime() + 1000 * pauseS(attempts)) })
        .where('id', '=', id)
        .execute()
    if (failure !== undefined)
      log.warn({ delivery: id, attempts, failure, isLast: attempts >= MAX_ATTEMPTS }, 'the webhook did not take a failure')
  }
  return due.length
}

function pauseS(attempts: number): number {
  return Math.min(FIRST_PAUSE_S * 2 ** (attempts - 1), MAX_PAUSE_S)
}

/** undefined when it was taken, else why not. */
async function send(
  fetch: WebhookDeps['fetch'],
  webhook: WebhookSettings,
  { text, time, signal }: { text: string; time: Date; signal: AbortSignal },
): Promise<string | undefined> {
  const seconds = String(Math.floor(time.getTime() / 1000))
  try {
    const answer = await fetch(webhook.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-instar-time': seconds,
        'x-instar-signature': `sha256=${createHmac('sha256', webhook.secret).update(`${seconds}.${text}`).digest('hex')}`,
      },
      body: text,
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(SEND_TIMEOUT_MS)]),
    })
    await answer.body?.cancel()
    return answer.ok ? undefined : `it answered ${answer.status}`
  } catch (error) {
    return error instanceof Error ? error.message : 'it could not be reached'
  }
}
