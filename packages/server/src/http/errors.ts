import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { InstarError, type ErrorCode, type Log } from '@instar/contract'
import { errorBody, LIMITS } from '@instar/contract/api'
import { isTransientDatabaseError } from '@instar/store'

interface Options {
  readonly log: Log
  readonly keystoneUri: string | undefined
}

/** Every error leaves as the contract's JSON; what nobody expected is logged in full and told in one sentence. */
export function answerErrors(app: FastifyInstance, options: Options): void {
  app.setErrorHandler((error, request, reply) => answerError(options, { error, request, reply }))
  app.setNotFoundHandler(request => {
    throw new InstarError('api.no-route', `there is no ${request.method} ${request.url.split('?')[0]}`)
  })
}

/** Also for what has not come as far as a route and its hooks: a path that cannot be read. */
export function answerError(options: Options, failed: { error: unknown; request: FastifyRequest; reply: FastifyReply }): FastifyReply {
  const { error, request, reply } = failed
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
    .header('x-openstack-request-id', request.id)
    .header('x-compute-request-id', request.id)
    .header('content-type', 'application/json')
    .send(JSON.stringify(body))
}

/** What is no request: Node hands over the connection alone. */
export function answerClientError(error: { readonly code?: string | undefined }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const { code, text } = CLIENT_ERRORS[error.code ?? ''] ?? { code: 'api.malformed-body', text: 'malformed request: it is not HTTP' }
  const body = errorBody(new InstarError(code, text))
  const json = JSON.stringify(body)
  const status = body.error.code
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(json)}`,
      `x-openstack-request-id: ${newRequestId()}`,
      'connection: close',
      '',
      json,
    ].join('\r\n'),
  )
}

const CLIENT_ERRORS: Readonly<Record<string, { readonly code: ErrorCode; readonly text: string }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'api.malformed-body', text: 'malformed request: the rest of it did not come in time' },
  HPE_HEADER_OVERFLOW: { code: 'api.too-large', text: `the head of the request, with its query, is larger than ${LIMITS.headBytes} bytes` },
}

export function newRequestId(): string {
  return `req-${randomUUID()}`
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
