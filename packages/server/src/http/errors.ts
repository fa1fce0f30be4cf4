import type { FastifyInstance } from 'fastify'
import { InstarError, type Log } from '@instar/contract'
import { errorBody } from '@instar/contract/api'
import { isTransientDatabaseError } from '@instar/store'

/** Every error leaves as the contract's JSON; what nobody expected is logged in full and told in one sentence. */
export function answerErrors(app: FastifyInstance, options: { readonly log: Log; readonly keystoneUri: string | undefined }): void {
  app.setErrorHandler((error, request, reply) => {
    const known = translate(error)
    const body = errorBody(known)
    if (body.error.code >= 500)
      options.log.error({ error, requestId: request.id, method: request.method, route: request.routeOptions.url }, 'request failed')
    if (body.error.code === 401)
      reply.header('www-authenticate', `Keystone uri="${options.keystoneUri ?? `http://${request.host}/identity/v3`}"`)
    if (known instanceof InstarError && typeof known.details['retryAfterS'] === 'number')
      reply.header('retry-after', known.details['retryAfterS'])
    return reply
      .code(body.error.code)
      .header('x-compute-request-id', request.id)
      .header('content-type', 'application/json')
      .send(JSON.stringify(body))
  })
  app.setNotFoundHandler(request => {
    throw new InstarError('api.no-route', `there is no ${request.method} ${request.url.split('?')[0]}`)
  })
}

function translate(error: unknown): unknown {
  if (error instanceof InstarError) return error
  if (isTransientDatabaseError(error)) return new InstarError('api.not-ready', 'the database does not answer', { cause: error })
  const { code, statusCode, message } = error as { code?: unknown; statusCode?: unknown; message?: string }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new InstarError('api.too-large', 'the body of the request is too large', { cause: error })
  // What Fastify itself refuses: bad paths, lengths that do not fit, and the like.
  if (typeof statusCode === 'number' && statusCode < 500)
    return new InstarError('api.malformed-body', `malformed request: ${message}`, { cause: error })
  return error
}
