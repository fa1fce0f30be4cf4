import * as z from 'zod/mini'
import { InstarError, type ErrorCode } from '@instar/contract'
import { issueText, type Route } from '@instar/contract/api'

/** The body by the schema of its route. */
export function checkBody(route: Route, body: unknown): unknown {
  if (route.body === undefined) return undefined
  const given = body ?? (route.bodyOptional ? {} : undefined)
  if (given === undefined) {
    throw new InstarError(
      'api.malformed-body',
      'the server could not comply with the request since it is either malformed or otherwise incorrect: a JSON body is needed',
    )
  }
  if (route.actions !== undefined) requireOneAction(given, route.actions)
  return parse(route.body, given, 'api.bad-request')
}

/** The query by the schema of its route; what the schema does not name is ignored. */
export function checkQuery(route: Route, query: unknown): unknown {
  return route.query === undefined ? undefined : parse(route.query, query, 'api.bad-query')
}

function requireOneAction(body: unknown, actions: readonly string[]): void {
  const keys = typeof body === 'object' && body !== null && !Array.isArray(body) ? Object.keys(body) : []
  if (keys.length !== 1) throw new InstarError('api.malformed-body', 'malformed request body: an action is an object with exactly one key')
  if (!actions.includes(keys[0]!)) {
    throw new InstarError('api.unknown-action', `there is no such action: ${keys[0]}; there are ${actions.join(', ')}`)
  }
}

function parse(schema: z.ZodMiniType, value: unknown, code: ErrorCode): unknown {
  const result = z.safeParse(schema, value)
  if (result.success) return result.data
  const texts = result.error.issues.slice(0, 5).map(issue => issueText(issue, value, { whole: 'the body' }))
  throw new InstarError(code, texts.join('; '))
}
