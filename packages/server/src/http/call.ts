import type { FastifyReply, FastifyRequest } from 'fastify'
import type { JsonText } from '../lists/json-text.ts'
import type { ROUTES, RouteAnswer, RouteBody, RouteName, RouteParams, RouteQuery } from '@instar/contract/api'

/** Who asks: what the token told, with the roles in its project. */
export interface Caller {
  readonly userId: string
  readonly userName: string
  /** null for a token without a project. */
  readonly projectId: string | null
  readonly roles: readonly string[]
  /** Where the catalog of a Keystone has a Barbican. */
  readonly keyManagerUrl?: string
}

/** One request, checked against the schemas of its route. */
export interface Call<N extends RouteName> {
  readonly params: RouteParams<N>
  readonly query: RouteQuery<N>
  readonly body: RouteBody<N>
  readonly caller: Caller
  /** The project that the request is about; every query is confined to it. '' on surfaces without projects. */
  readonly projectId: string
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

type Json<N extends RouteName> = [RouteAnswer<N>] extends [undefined] ? void : RouteAnswer<N> | JsonText
type Answer<N extends RouteName> = (typeof ROUTES)[N] extends { readonly media: string } ? string | Buffer | void : Json<N>

/** Answers a call. A route that streams writes to `reply` itself, after `reply.hijack()`, and gives undefined. */
export type Handler<N extends RouteName> = (call: Call<N>) => Promise<Answer<N>>

/** A handler for each of these routes; forgetting one does not compile. */
export type Handlers<N extends RouteName> = { readonly [K in N]: Handler<K> }
