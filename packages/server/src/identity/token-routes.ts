import type { FastifyRequest } from 'fastify'
import { InstarError } from '@instar/contract'
import type { Handlers, Call } from '../http/call.ts'
import { mayAct, type RouteName } from '@instar/contract/api'
import { baseUrlOf } from './base-url.ts'
import { catalogOf } from './catalog.ts'
import { createLogIn, type LogInDeps } from './log-in.ts'
import { listLinks, projectObject } from './people-wire.ts'
import { DOMAIN } from './role-objects.ts'
import { tokenAnswer } from './token-answer.ts'
import type { StoredToken } from './tokens.ts'

export interface TokenRouteDeps extends LogInDeps {
  readonly publicUrl: string | undefined
}

/** Log-in and tokens. */
export function tokenRoutes(deps: TokenRouteDeps) {
  const logIn = createLogIn(deps)
  const base = (request: FastifyRequest) => baseUrlOf(request, deps.publicUrl)
  return {
    'identity.version': async ({ request }) => ({ version: versionDocument(base(request)) }),
    'tokens.create': async ({ body, request, reply }) => {
      const { text, token } = await logIn(body, request.ip)
      reply.header('x-subject-token', text).header('vary', 'X-Auth-Token')
      const answer = await tokenAnswer(deps.store.db, token, base(request))
      if (new URLSearchParams(request.url.split('?')[1]).has('nocatalog')) delete answer.token.catalog
      return answer
    },
    'tokens.show': async call => {
      const token = await subjectOf(deps, call)
      call.reply.header('x-subject-token', String(call.request.headers['x-subject-token']))
      return tokenAnswer(deps.store.db, token, base(call.request))
    },
    'tokens.check': async call => void (await subjectOf(deps, call)),
    'tokens.delete': async call => deps.tokens.revoke(await subjectOf(deps, call)),
    'auth.projects': async ({ caller, request }) => {
      const rows = await deps.store.db
        .selectFrom('projects')
        .selectAll()
        .where('enabled', '=', true)
        .where('id', 'in', deps.store.db.selectFrom('role_assignments').select('project_id').where('user_id', '=', caller.userId))
        .orderBy('name')
        .execute()
      return { projects: rows.map(row => projectObject(row, base(request))), links: listLinks(base(request), '/auth/projects') }
    },
    'auth.catalog': async ({ caller, request }) => {
      if (caller.projectId === null) throw new InstarError('api.forbidden', 'a token without a project has no catalog')
      return { catalog: catalogOf(base(request), caller.projectId), links: {} }
    },
    'domains.list': async ({ request }) => ({
      domains: [
        { ...DOMAIN, description: 'The one domain', enabled: true, links: { self: `${base(request)}/identity/v3/domains/default` } },
      ],
      links: listLinks(base(request), '/domains'),
    }),
  } satisfies Partial<Handlers<RouteName>>
}

/** The token of X-Subject-Token. Others' tokens are an admin's business. */
async function subjectOf(
  deps: TokenRouteDeps,
  { request, caller }: Call<'tokens.show' | 'tokens.check' | 'tokens.delete'>,
): Promise<StoredToken> {
  const header = request.headers['x-subject-token']
  if (typeof header !== 'string') throw new InstarError('api.bad-request', 'the header X-Subject-Token is missing')
  const token = await deps.tokens.find(header).catch((error: unknown) => {
    if (error instanceof InstarError && error.code === 'api.unauthorized') throw new InstarError('api.not-found', 'there is no such token')
    throw error
  })
  if (token.userId !== caller.userId && !mayAct(caller.roles, 'admin'))
    throw new InstarError('api.forbidden', 'the token belongs to another user')
  return token
}

function versionDocument(base: string) {
  return {
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [{ rel: 'self', href: `${base}/identity/v3/` }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  }
}
