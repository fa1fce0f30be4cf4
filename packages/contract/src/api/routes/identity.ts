import * as z from 'zod/mini'
import {
  listLinks,
  Password,
  Project,
  ProjectCreate,
  ProjectUpdate,
  RoleAssignment,
  RoleObject,
  User,
  UserCreate,
  UserUpdate,
} from '../identity/people.ts'
import { CatalogEntry, TokenAnswer, TokenRequest } from '../identity/token.ts'
import { TextParameter } from '../query.ts'
import { routes } from '../route.ts'

const OpenList = z.array(z.looseObject({ id: z.string() }))
const project = z.object({ project: Project })
const user = z.object({ user: User })
const projects = z.object({ projects: z.array(Project), links: listLinks })
const grant = '/projects/{project_id}/users/{user_id}/roles'

const read = { surface: 'identity', method: 'GET', role: 'admin', status: 200 } as const
const remove = { surface: 'identity', method: 'DELETE', role: 'admin', status: 204 } as const
const create = { surface: 'identity', method: 'POST', role: 'admin', status: 201 } as const
const change = { surface: 'identity', method: 'PATCH', role: 'admin', status: 200 } as const

/** Log-in and tokens: as much of Keystone's v3 API as keystoneauth and the web UI use. */
export const TOKEN_ROUTES = routes({
  'identity.version': {
    ...read,
    path: '',
    role: 'anyone',
    summary: 'The version document of the identity service',
    answer: z.object({ version: z.looseObject({ id: z.string() }) }),
  },
  'tokens.create': {
    ...create,
    path: '/auth/tokens',
    role: 'anyone',
    summary: 'Log in by password or token',
    body: TokenRequest,
    answer: TokenAnswer,
  },
  'tokens.show': {
    ...read,
    path: '/auth/tokens',
    role: 'user',
    summary: 'What the token in X-Subject-Token is good for',
    answer: TokenAnswer,
  },
  'tokens.check': { ...read, method: 'HEAD', path: '/auth/tokens', role: 'user', summary: 'Whether the token in X-Subject-Token is good' },
  'tokens.delete': { ...remove, path: '/auth/tokens', role: 'user', summary: 'Revoke the token in X-Subject-Token' },
  'auth.projects': { ...read, path: '/auth/projects', role: 'user', summary: 'Projects that one may log in to', answer: projects },
  'auth.catalog': {
    ...read,
    path: '/auth/catalog',
    role: 'user',
    summary: 'Where the services stand',
    answer: z.object({ catalog: z.array(CatalogEntry), links: z.looseObject({}) }),
  },
  'domains.list': {
    ...read,
    path: '/domains',
    role: 'user',
    summary: 'The one domain',
    answer: z.object({ domains: OpenList, links: listLinks }),
  },
})

/** Projects, users and roles. */
export const PEOPLE_ROUTES = routes({
  'projects.list': {
    ...read,
    path: '/projects',
    summary: 'All projects',
    query: z.object({ name: TextParameter, domain_id: TextParameter }),
    answer: projects,
  },
  'projects.create': {
    ...create,
    path: '/projects',
    summary: 'Make a project',
    body: z.object({ project: ProjectCreate }),
    answer: project,
  },
  'projects.show': {
    ...read,
    path: '/projects/{project_id}',
    role: 'user',
    summary: 'One project: any for an admin, else one of your own',
    answer: project,
  },
  'projects.update': {
    ...change,
    path: '/projects/{project_id}',
    summary: 'Change a project',
    body: z.object({ project: ProjectUpdate }),
    answer: project,
  },
  'projects.delete': { ...remove, path: '/projects/{project_id}', summary: 'Delete a project that holds nothing' },
  'users.list': {
    ...read,
    path: '/users',
    summary: 'All users',
    query: z.object({ name: TextParameter, domain_id: TextParameter }),
    answer: z.object({ users: z.array(User), links: listLinks }),
  },
  'users.create': { ...create, path: '/users', summary: 'Make a user', body: z.object({ user: UserCreate }), answer: user },
  'users.show': { ...read, path: '/users/{user_id}', role: 'user', summary: 'One user: any for an admin, else yourself', answer: user },
  'users.update': { ...change, path: '/users/{user_id}', summary: 'Change a user', body: z.object({ user: UserUpdate }), answer: user },
  'users.delete': { ...remove, path: '/users/{user_id}', summary: 'Delete a user; the tokens end at once' },
  'users.password': {
    ...create,
    path: '/users/{user_id}/password',
    role: 'user',
    status: 204,
    summary: 'Change your own password; all your tokens end',
    body: z.object({ user: z.object({ password: Password, original_password: z.string() }) }),
  },
  'users.projects': { ...read, path: '/users/{user_id}/projects', role: 'user', summary: 'Projects of a user', answer: projects },
  'roles.list': {
    ...read,
    path: '/roles',
    role: 'user',
    summary: 'The three roles',
    query: z.object({ name: TextParameter }),
    answer: z.object({ roles: z.array(RoleObject), links: listLinks }),
  },
  'roles.show': { ...read, path: '/roles/{role_id}', role: 'user', summary: 'One role', answer: z.object({ role: RoleObject }) },
  'roles.assignments': {
    ...read,
    path: '/role_assignments',
    summary: 'Who has which role where',
    query: z.object({
      include_names: TextParameter,
      effective: TextParameter,
      'user.id': TextParameter,
      'role.id': TextParameter,
      'scope.project.id': TextParameter,
    }),
    answer: z.object({ role_assignments: z.array(RoleAssignment), links: listLinks }),
  },
  'grants.list': {
    ...read,
    path: grant,
    summary: 'Roles of a user in a project',
    answer: z.object({ roles: z.array(RoleObject), links: listLinks }),
  },
  'grants.check': { ...read, method: 'HEAD', path: `${grant}/{role_id}`, status: 204, summary: 'Whether a user has a role in a project' },
  'grants.add': { ...read, method: 'PUT', path: `${grant}/{role_id}`, status: 204, summary: 'Give a user a role in a project' },
  'grants.remove': { ...remove, path: `${grant}/{role_id}`, summary: 'Take a role in a project from a user' },
})
