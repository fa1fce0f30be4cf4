import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod/mini'
import { InstarError } from '@instar/contract'
import { fullPath, mayAct, ROUTES, SURFACES, type Route, type RouteName } from '@instar/contract/api'
import type { Call, Caller, Handler, Handlers } from './call.ts'
import { checkBody, checkQuery } from './check-input.ts'
import { JsonText } from '../lists/json-text.ts'
import { goneSignal } from './gone-signal.ts'

export interface Gate {
  /** Who a token belongs to. Throws `api.unauthorized`. */
  authenticate(token: string | undefined): Promise<Caller>
}

type AnyHandler = (call: Call<RouteName>) => Promise<unknown>

const NOBODY: Caller = { userId: '', userName: '', projectId: null, roles: [] }

/** Registers every route that has a handler, in its forms with and without the project in the path. */
export function registerRoutes(app: FastifyInstance, handlers: Partial<Handlers<RouteName>>, gate: Gate): void {
  for (const [name, handler] of Object.entries(handlers) as [RouteName, Handler<RouteName>][]) {
    const route: Route = ROUTES[name]
    const answer = answerer(route, handler, gate)
    const forms = SURFACES[route.surface].inProject ? (['with-project', 'without-project'] as const) : (['without-project'] as const)
    for (const form of forms) {
      app.route({ method: route.method, url: fullPath(route, form).replaceAll(/\{(\w+)\}/g, ':$1'), handler: answer })
    }
  }
}

function answerer(route: Route, handler: AnyHandler, gate: Gate) {
  const { inProject } = SURFACES[route.surface]
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const params = request.params as Record<string, string>
    requireStorableParams(params)
    const caller = route.role === 'anyone' ? NOBODY : await gate.authenticate(tokenOf(request, route))
    const projectId = inProject ? projectOf(caller, params['project_id']) : ''
    requireRole(route, caller)
    const call = {
      params,
      query: checkQuery(route, request.query),
      body: checkBody(route, request.body),
      caller,
      projectId,
      get signal() {
        return goneSignal(reply)
      },
      request,
      reply,
    } as Call<RouteName>
    return send(route, reply, await handler(call))
  }
}

/** The web UI can send no header with a download of a log. */
function tokenOf(request: FastifyRequest, route: Route): string | undefined {
  const header = request.headers['x-auth-token']
  const token = Array.isArray(header) ? header[0] : header
  if (token !== undefined || route.surface !== 'logger') return token
  const { auth_token } = request.query as { auth_token?: unknown }
  return typeof auth_token === 'string' ? auth_token : undefined
}

function requireStorableParams(params: Record<string, string>): void {
  if (Object.values(params).some(value => value.includes('\0') || !value.isWellFormed())) {
    throw new InstarError('api.not-found', 'no object has an id with such characters')
  }
}

function projectOf(caller: Caller, inPath: string | undefined): string {
  if (caller.projectId === null) throw new InstarError('api.no-project', 'the token has no project')
  if (inPath !== undefined && inPath !== caller.projectId) {
    throw new InstarError('api.malformed-url', `malformed request url: project "${inPath}" in the path is not the token's`)
  }
  return caller.projectId
}

function requireRole(route: Route, caller: Caller): void {
  if (route.role === 'anyone' || route.role === 'user' || mayAct(caller.roles, route.role)) return
  throw new InstarError(
    'api.forbidden',
    `${route.method} ${route.path} needs the role ${route.role}; you have ${caller.roles.join(', ') || 'none'}`,
  )
}

function send(route: Route, reply: FastifyReply, answer: unknown): unknown {
  // A stream that the handler writes itself.
  if (reply.sent) return reply
  reply.code(reply.statusCode === 200 ? route.status : reply.statusCode)
  if (route.media !== undefined) {
    if (!reply.hasHeader('content-type')) reply.header('content-type', route.media)
    return reply.send(answer ?? '')
  }
  if (route.answer === undefined) return reply.send()
  reply.header('x-compute-request-id', reply.request.id).header('content-type', 'application/json')
  if (answer instanceof JsonText) return reply.send(answer.text)
  // The schema decides what leaves the process: what it does not name is cut off.
  const result = z.safeParse(route.answer, answer)
  if (!result.success) {
    throw new InstarError(
      'internal.bug',
      `the answer of ${route.path} is not as its schema says: ${JSON.stringify(result.error.issues.slice(0, 3))}`,
    )
  }
  return reply.send(JSON.stringify(result.data))
}
