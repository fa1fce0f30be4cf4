import type { ErrorBody } from './error-body.ts'
import { fullPath, type Route } from './route.ts'
import { ROUTES, type RouteAnswer, type RouteBodyInput, type RouteName, type RouteParams, type RouteQueryInput } from './route-table.ts'

/** As much of the web's `fetch` as the client needs; both Node's and a browser's fit. */
export type Fetch<Signal> = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string; signal?: Signal },
) => Promise<HttpAnswer>

interface HttpAnswer {
  readonly status: number
  readonly headers: { get: (name: string) => string | null }
  readonly text: () => Promise<string>
}

/** An answer of 400 or more. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly body: ErrorBody | undefined
  readonly requestId: string | null

  constructor(status: number, message: string, more: { body: ErrorBody | undefined; requestId: string | null }) {
    super(message)
    this.status = status
    this.body = more.body
    this.requestId = more.requestId
  }
}

export interface ClientOptions<Signal> {
  readonly fetch: Fetch<Signal>
  /** Scheme, host and port, no slash at the end. */
  readonly baseUrl: string
  /** Sent as X-Auth-Token; asked before each request, so that it can be renewed. */
  readonly token?: () => Promise<string>
  /** Put into the paths of the surfaces that have projects; absent: the token's project. */
  readonly projectId?: string
}

type Optional<K extends string, V> = [V] extends [undefined] ? { readonly [key in K]?: undefined } : { readonly [key in K]: V }
type CallInput<N extends RouteName, Signal> = {
  readonly signal?: Signal
  readonly headers?: Record<string, string>
} & (object extends RouteParams<N> ? { readonly params?: object } : { readonly params: RouteParams<N> }) & {
    readonly query?: RouteQueryInput<N>
  } & Optional<'body', RouteBodyInput<N>>

export interface Client<Signal> {
  /** Calls an operation of the table and gives its answer, typed. @throws ApiError */
  call<N extends RouteName>(
    name: N,
    input: CallInput<N, Signal>,
  ): Promise<{ answer: RouteAnswer<N>; text: string; headers: HttpAnswer['headers'] }>
}

/** A client of the whole API, made from the route table. */
export function createClient<Signal>(options: ClientOptions<Signal>): Client<Signal> {
  return {
    async call(name, input) {
      const route: Route = ROUTES[name]
      const url = options.baseUrl + pathOf(route, options.projectId, input.params ?? {}) + queryOf(input.query as object | undefined)
      const token = await options.token?.()
      const answer = await options.fetch(url, {
        method: route.method,
        headers: {
          accept: route.media ?? 'application/json',
          ...(token === undefined ? {} : { 'x-auth-token': token }),
          ...(input.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...input.headers,
        },
        ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
        ...(input.signal === undefined ? {} : { signal: input.signal }),
      })
      const text = await answer.text()
      if (answer.status >= 400) throw apiError(answer, text)
      const value: unknown = route.answer !== undefined && text !== '' ? JSON.parse(text) : undefined
      return { answer: value as RouteAnswer<typeof name>, text, headers: answer.headers }
    },
  }
}

function pathOf(route: Route, projectId: string | undefined, params: object): string {
  const path = fullPath(route, projectId === undefined ? 'without-project' : 'with-project')
  const values: Record<string, unknown> = { project_id: projectId, ...params }
  return path.replaceAll(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(String(values[key])))
}

function queryOf(query: object | undefined): string {
  const pairs = Object.entries(query ?? {}).flatMap(([key, value]: [string, unknown]) =>
    (Array.isArray(value) ? value : [value]).filter(item => item !== undefined).map(item => `${key}=${encodeURIComponent(String(item))}`),
  )
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

function apiError(answer: HttpAnswer, text: string): ApiError {
  const body = parseErrorBody(text)
  const message = body?.error.message ?? `the service answered ${answer.status} without a reason`
  return new ApiError(answer.status, message, { body, requestId: answer.headers.get('x-openstack-request-id') })
}

function parseErrorBody(text: string): ErrorBody | undefined {
  try {
    const body = JSON.parse(text) as Partial<ErrorBody>
    return typeof body.error?.message === 'string' ? (body as ErrorBody) : undefined
  } catch {
    // A proxy in between answers in HTML; the status tells enough.
    return undefined
  }
}
