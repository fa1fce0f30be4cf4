import type { Project, RoleObject, User } from '@instar/contract/api'
import type { Api } from './api.ts'
import { findId } from './look-up.ts'

/** The id of a project, named by it or by its name. */
export async function projectId(api: Api, wanted: string): Promise<string> {
  return findId(wanted, 'project', async () => (await api.get<{ projects: Project[] }>(api.identityPath('projects'))).projects)
}

/** The id of a user, named by it or by its name. */
export async function userId(api: Api, wanted: string): Promise<string> {
  return findId(wanted, 'user', async () => (await api.get<{ users: User[] }>(api.identityPath('users'))).users)
}

/** The id of a role, named by it or by its name. */
export async function roleId(api: Api, wanted: string): Promise<string> {
  return findId(wanted, 'role', async () => (await api.get<{ roles: RoleObject[] }>(api.identityPath('roles'))).roles)
}
