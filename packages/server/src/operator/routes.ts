import { sql } from 'kysely'
import { InstarError } from '@instar/contract'
import { openApiDocument, ROUTES, type RouteName } from '@instar/contract/api'
import type { Db } from '../api-deps.ts'
import type { Handlers } from '../http/call.ts'
import { baseUrlOf } from '../identity/base-url.ts'
import type { Metrics } from './metrics.ts'

/** A database that takes longer for nothing is away. */
const READY_MS = 2_000
/** The version of the API and not of the program: it changes when a client must. */
const API_VERSION = '1.0.0'

export function operatorRoutes({
  db,
  metrics,
  publicUrl,
}: {
  readonly db: Db
  readonly metrics: Metrics
  readonly publicUrl: string | undefined
}) {
  let document: ReturnType<typeof openApiDocument> | undefined
  return {
    'operator.health': async () => ({ status: 'ok' as const }),
    'operator.readiness': async () => {
      const late = AbortSignal.timeout(READY_MS)
      const timeout = new Promise<never>((_, reject) => {
        late.addEventListener('abort', () => reject(new InstarError('api.not-ready', `the database did not answer within ${READY_MS} ms`)))
      })
      await Promise.race([sql`select 1`.execute(db), timeout])
      return { status: 'ready' as const }
    },
    'operator.metrics': async ({ reply }) => {
      reply.header('content-type', metrics.contentType)
      return metrics.text()
    },
    'operator.openapi': async ({ request }) => {
      document ??= openApiDocument(ROUTES, { version: API_VERSION, serverUrl: '' })
      return { ...document, openapi: '3.1.0', servers: [{ url: baseUrlOf(request, publicUrl) }] }
    },
  } satisfies Partial<Handlers<RouteName>>
}
