import * as z from 'zod/mini'
import { ErrorBody } from './error-body.ts'
import { fullPath, type Route } from './route.ts'
import { documented } from './wire.ts'

type Json = Record<string, unknown>

/** The OpenAPI 3.1 document of a table of routes, made from their schemas. */
export function openApiDocument(
  table: Readonly<Record<string, Route>>,
  info: { readonly version: string; readonly serverUrl: string },
): Json {
  const components: Json = {}
  const paths: Record<string, Json> = {}
  for (const [name, route] of Object.entries(table)) {
    const path = fullPath(route)
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name, route, components) }
  }
  const error = jsonSchema(ErrorBody, 'output', components)
  return {
    openapi: '3.1.0',
    info: { title: 'Instar', version: info.version, description: "Moves machines and runs the user's scripts at every phase of the move." },
    servers: [{ url: info.serverUrl }],
    paths,
    components: {
      schemas: components,
      responses: { error: { description: 'What went wrong and what to do', content: { 'application/json': { schema: error } } } },
      securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' } },
    },
  }
}

function operation(name: string, route: Route, components: Json): Json {
  const role = route.role === 'anyone' ? [] : [{ token: [] }]
  return {
    operationId: name,
    summary: route.summary,
    tags: [name.split('.')[0]],
    'x-role': route.role,
    security: role,
    parameters: [...pathParameters(route), ...queryParameters(route, components)],
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(route.body, 'input', components) } } } }),
    responses: { [route.status]: success(route, components), default: { $ref: '#/components/responses/error' } },
  }
}

function success(route: Route, components: Json): Json {
  if (route.media !== undefined) return { description: route.summary, content: { [route.media]: { schema: { type: 'string' } } } }
  if (route.answer === undefined) return { description: 'Done' }
  return { description: route.summary, content: { 'application/json': { schema: jsonSchema(route.answer, 'output', components) } } }
}

function pathParameters(route: Route): Json[] {
  return [...fullPath(route).matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
}

function queryParameters(route: Route, components: Json): Json[] {
  if (route.query === undefined) return []
  const { properties = {} } = jsonSchema(route.query, 'input', components) as { properties?: Record<string, Json> }
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }))
}

/** A schema as JSON Schema; what has a name goes to the components. */
function jsonSchema(schema: z.ZodMiniType, io: 'input' | 'output', components: Json): Json {
  const {
    $schema: _,
    $defs = {},
    ...body
  } = z.toJSONSchema(schema, { io, metadata: documented, unrepresentable: 'any' }) as Json & { $defs?: Json }
  for (const [name, definition] of Object.entries($defs)) components[name] = withRefs(definition)
  return withRefs(body) as Json
}

function withRefs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withRefs)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key]) => key !== 'id' || !('$schema' in value))
  return Object.fromEntries(
    entries.map(([key, inner]) => [
      key,
      key === '$ref' && typeof inner === 'string' ? inner.replace('#/$defs/', '#/components/schemas/') : withRefs(inner),
    ]),
  )
}
