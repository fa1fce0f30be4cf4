import type { Selectable } from 'kysely'
import type { Project, User } from '@instar/contract/api'
import type { Database } from '@instar/store'
import { DOMAIN } from './role-objects.ts'

export function listLinks(baseUrl: string, path: string) {
  return { self: `${baseUrl}/identity/v3${path}`, next: null, previous: null }
}

export function projectObject(row: Selectable<Database['projects']>, baseUrl: string): Project {
  const { id, name, description, enabled } = row
  return {
    id,
    name,
    description,
    enabled,
    domain_id: DOMAIN.id,
    parent_id: DOMAIN.id,
    is_domain: false,
    tags: [],
    options: {},
    links: { self: `${baseUrl}/identity/v3/projects/${id}` },
  }
}

export function userObject(row: Omit<Selectable<Database['users']>, 'password_hash'>, baseUrl: string): User {
  const { id, name, email, description, enabled, default_project_id } = row
  return {
    id,
    name,
    ...(email === null ? {} : { email }),
    description,
    enabled,
    domain_id: DOMAIN.id,
    default_project_id,
    password_expires_at: null,
    options: {},
    links: { self: `${baseUrl}/identity/v3/users/${id}` },
  }
}
