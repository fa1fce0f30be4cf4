import type * as z from 'zod/mini'
import type { Role } from './roles.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * Where a route stands: `v1` (Coriolis' API) and `instar` (ours beside it) both with and without the project in the path,
 * `identity` (Keystone v3), `logger` (Coriolis' log service), `root` (for operators).
 */
export type Surface = 'v1' | 'instar' | 'identity' | 'logger' | 'root'

export const SURFACES: Readonly<Record<Surface, { readonly prefix: string; readonly inProject: boolean }>> = {
  v1: { prefix: '/v1', inProject: true },
  instar: { prefix: '/instar/v1', inProject: true },
  identity: { prefix: '/identity/v3', inProject: false },
  logger: { prefix: '/logger/v1', inProject: false },
  root: { prefix: '', inProject: false },
}

/** One operation of the API, as data: the server registers it, the document shows it, the client calls it, the tenant test tries it. */
export interface Route {
  readonly surface: Surface
  readonly method: Method
  /** Below the surface's prefix; parameters in braces. */
  readonly path: string
  /** `anyone` needs no token; `user` any valid one, with or without a project. */
  readonly role: Role | 'user' | 'anyone'
  readonly summary: string
  readonly query?: z.ZodMiniType
  readonly body?: z.ZodMiniType
  /** The body holds exactly one of these keys, the name of the action. */
  readonly actions?: readonly string[]
  /** A request without a body is one with an empty object. */
  readonly bodyOptional?: boolean
  /** Absent: an answer without a body, or one that is not JSON. */
  readonly answer?: z.ZodMiniType
  readonly status: number
  /** Of an answer that is not JSON. */
  readonly media?: 'text/csv' | 'text/plain' | 'text/event-stream' | 'application/octet-stream'
}

/** The names in braces of a path. */
export type PathParams<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [K in Name | keyof PathParams<Rest>]: string }
  : object

/** Keeps the exact types of a table of routes. */
export function routes<const T extends Readonly<Record<string, Route>>>(table: T): T {
  return table
}

/** The full path of a route, with `{project_id}` where its surface has one. */
export function fullPath(route: Route, form: 'with-project' | 'without-project' = 'with-project'): string {
  const { prefix, inProject } = SURFACES[route.surface]
  return `${prefix}${inProject && form === 'with-project' ? '/{project_id}' : ''}${route.path}`
}
