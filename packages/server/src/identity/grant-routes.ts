import type { FastifyRequest } from 'fastify'
import { InstarError } from '@instar/contract'
import { ROLES, type Role, type RoleAssignment, type RouteName } from '@instar/contract/api'
import type { Handlers } from '../http/call.ts'
import { baseUrlOf } from './base-url.ts'
import { listLinks } from './people-wire.ts'
import { changePeople, requireAnAdmin, requireProject, requireUser, type PeopleDeps } from './people.ts'
import { DOMAIN, findRole, roleId, roleObject } from './role-objects.ts'
import { rolesIn } from './tokens.ts'

/** Roles, and who has which. */
export function grantRoutes(deps: PeopleDeps & { readonly publicUrl: string | undefined }) {
  const { db } = deps.store
  const base = (request: FastifyRequest) => `${baseUrlOf(request, deps.publicUrl)}/identity/v3`
  const links = (request: FastifyRequest, path: string) => listLinks(baseUrlOf(request, deps.publicUrl), path)
  return {
    'roles.list': async ({ query, request }) => ({
      roles: ROLES.filter(role => query.name === undefined || role === query.name).map(role => roleObject(role, base(request))),
      links: links(request, '/roles'),
    }),
    'roles.show': async ({ params, request }) => ({ role: roleObject(requireRole(params.role_id), base(request)) }),
    'roles.assignments': async ({ query, request }) => ({
      role_assignments: await listAssignments(deps, query, base(request)),
      links: links(request, '/role_assignments'),
    }),
    'grants.list': async ({ params, request }) => {
      const roles = await rolesIn(db, params.user_id, params.project_id)
      return { roles: roles.map(role => roleObject(role, base(request))), links: links(request, '/roles') }
    },
    'grants.check': async ({ params }) => {
      const roles = await rolesIn(db, params.user_id, params.project_id)
      if (!roles.some(role => role === findRole(params.role_id)))
        throw new InstarError('api.not-found', 'the user does not have this role there')
    },
    'grants.add': async ({ params }) => {
      const role = requireRole(params.role_id)
      await changePeople(deps, async trx => {
        const user = await requireUser(trx, params.user_id)
        const project = await requireProject(trx, params.project_id)
        const row = { user_id: user.id, project_id: project.id, role }
        await trx
          .insertInto('role_assignments')
          .values(row)
          .onConflict(conflict => conflict.doNothing())
          .execute()
      })
    },
    'grants.remove': async ({ params }) => {
      const role = requireRole(params.role_id)
      await changePeople(deps, async trx => {
        const { numDeletedRows } = await trx
          .deleteFrom('role_assignments')
          .where('user_id', '=', params.user_id)
          .where('project_id', '=', params.project_id)
          .where('role', '=', role)
          .executeTakeFirst()
        if (numDeletedRows === 0n) throw new InstarError('api.not-found', 'the user does not have this role there')
        await requireAnAdmin(trx)
      })
    },
  } satisfies Partial<Handlers<RouteName>>
}

function requireRole(idOrName: string): Role {
  const role = findRole(idOrName)
  if (role === undefined) throw new InstarError('api.not-found', `role ${idOrName} was not found`)
  return role
}

interface AssignmentFilter {
  readonly include_names?: string | undefined
  readonly 'user.id'?: string | undefined
  readonly 'role.id'?: string | undefined
  readonly 'scope.project.id'?: string | undefined
}

async function listAssignments({ store }: PeopleDeps, filter: AssignmentFilter, base: string): Promise<RoleAssignment[]> {
  let rows = store.db
    .selectFrom('role_assignments')
    .innerJoin('users', 'users.id', 'role_assignments.user_id')
    .innerJoin('projects', 'projects.id', 'role_assignments.project_id')
    .select(['role', 'user_id', 'project_id', 'users.name as user_name', 'projects.name as project_name'])
    .orderBy('user_name')
    .orderBy('project_name')
    .orderBy('role')
  if (filter['user.id'] !== undefined) rows = rows.where('user_id', '=', filter['user.id'])
  if (filter['scope.project.id'] !== undefined) rows = rows.where('project_id', '=', filter['scope.project.id'])
  const wanted = filter['role.id']
  const hasNames = filter.include_names !== undefined && !['0', 'false'].includes(filter.include_names.toLowerCase())
  return (await rows.execute())
    .filter(row => wanted === undefined || roleId(row.role) === wanted)
    .map(row => ({
      role: { id: roleId(row.role), ...(hasNames ? { name: row.role } : {}) },
      user: { id: row.user_id, ...(hasNames ? { name: row.user_name, domain: DOMAIN } : {}) },
      scope: { project: { id: row.project_id, ...(hasNames ? { name: row.project_name, domain: DOMAIN } : {}) } },
      links: { assignment: `${base}/projects/${row.project_id}/users/${row.user_id}/roles/${roleId(row.role)}` },
    }))
}
