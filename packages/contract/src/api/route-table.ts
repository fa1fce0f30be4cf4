import type * as z from 'zod/mini'
import type { PathParams } from './route.ts'
import { DEPLOYMENT_ROUTES, POOL_ROUTES } from './routes/deployments.ts'
import { ENDPOINT_ROUTES } from './routes/endpoints.ts'
import { PEOPLE_ROUTES, TOKEN_ROUTES } from './routes/identity.ts'
import { INSTAR_ROUTES, LOG_ROUTES, OPERATOR_ROUTES } from './routes/instar.ts'
import { PLACE_ROUTES } from './routes/places.ts'
import { TRANSFER_ROUTES } from './routes/transfers.ts'

/** Every operation of the service by its name. The server does not start without a handler for each. */
export const ROUTES = {
  ...PLACE_ROUTES,
  ...ENDPOINT_ROUTES,
  ...TRANSFER_ROUTES,
  ...DEPLOYMENT_ROUTES,
  ...POOL_ROUTES,
  ...INSTAR_ROUTES,
  ...LOG_ROUTES,
  ...TOKEN_ROUTES,
  ...PEOPLE_ROUTES,
  ...OPERATOR_ROUTES,
} as const

export type RouteName = keyof typeof ROUTES
type Entry<N extends RouteName> = (typeof ROUTES)[N]
type Shape<N extends RouteName, K extends string> = Entry<N> extends { readonly [key in K]: infer S extends z.ZodMiniType } ? S : never

export type RouteParams<N extends RouteName> = PathParams<Entry<N>['path']>
/** What a client may send. */
export type RouteQueryInput<N extends RouteName> = [Shape<N, 'query'>] extends [never] ? undefined : z.input<Shape<N, 'query'>>
export type RouteBodyInput<N extends RouteName> = [Shape<N, 'body'>] extends [never] ? undefined : z.input<Shape<N, 'body'>>
/** What a handler gets. */
export type RouteQuery<N extends RouteName> = [Shape<N, 'query'>] extends [never] ? undefined : z.output<Shape<N, 'query'>>
export type RouteBody<N extends RouteName> = [Shape<N, 'body'>] extends [never] ? undefined : z.output<Shape<N, 'body'>>
/** What a client gets; undefined where the answer has no JSON. */
export type RouteAnswer<N extends RouteName> = [Shape<N, 'answer'>] extends [never] ? undefined : z.output<Shape<N, 'answer'>>
