import Fastify, { type FastifyInstance } from 'fastify'
import type { Log } from '@instar/contract'
import { LIMITS } from '@instar/contract/api'
import { answerClientError, answerError, answerErrors, newRequestId } from './errors.ts'
import { readJsonBodies } from './read-body.ts'
import { rewritePath } from './rewrite-path.ts'

/** Long enough for an upload over a slow line, short enough that half-open requests go away. */
const REQUEST_TIMEOUT_MS = 120_000

/** An HTTP server without routes: bodies, errors, request ids, the paths of other clients. */
export function createApp(options: { readonly log: Log; readonly keystoneUri: string | undefined }): FastifyInstance {
  const app = Fastify({
    logger: false,
    genReqId: newRequestId,
    http: { maxHeaderSize: LIMITS.headBytes },
    frameworkErrors: (error, request, reply) => void answerError(options, { error, request, reply }),
    clientErrorHandler: answerClientError,
    bodyLimit: LIMITS.bodyBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 8192 },
    rewriteUrl: request => rewritePath(request.url ?? '/'),
    forceCloseConnections: true,
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-openstack-request-id', request.id)
  })
  app.addHook('onSend', async (_request, reply) => {
    // Fastify adds a charset, which JSON has none of.
    if (reply.getHeader('content-type') === 'application/json; charset=utf-8') reply.header('content-type', 'application/json')
  })
  app.addHook('onResponse', async (request, reply) => {
    // The pattern and not the URL: that may hold a token.
    options.log.debug(
      {
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'request answered',
    )
  })
  readJsonBodies(app)
  answerErrors(app, options)
  app.get('/v1', async (_request, reply) => reply.redirect('/v1/', 302))
  return app
}
