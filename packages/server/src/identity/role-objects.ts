import { createHash } from 'node:crypto'
import { ROLES, type Role, type RoleObject } from '@instar/contract/api'

export const DOMAIN = { id: 'default', name: 'Default' } as const

/** Keystone's roles have ids; ours follow from their names, so that every installation has the same. */
export function roleId(role: Role): string {
  return createHash('md5').update(`instar role ${role}`).digest('hex')
}

const ABOUT: Readonly<Record<Role, string>> = {
  reader: 'Sees everything in the project but connection data',
  member: 'Does everything in the project',
  admin: 'Also regions, services, diagnostics, users, projects and roles of the whole installation',
}

export function roleObject(role: Role, baseUrl: string): RoleObject {
  const id = roleId(role)
  return { id, name: role, domain_id: null, description: ABOUT[role], links: { self: `${baseUrl}/roles/${id}` } }
}

/** The role of an id or name. */
export function findRole(idOrName: string): Role | undefined {
  return ROLES.find(role => role === idOrName || roleId(role) === idOrName)
}
