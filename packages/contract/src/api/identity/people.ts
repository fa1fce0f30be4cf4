import * as z from 'zod/mini'
import { documented, LIMITS, Name, Text } from '../wire.ts'

const links = z.object({ self: z.string() })
export const listLinks = z.object({ self: z.string(), next: z.null(), previous: z.null() })

export const Project = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    enabled: z.boolean(),
    domain_id: z.string(),
    parent_id: z.string(),
    is_domain: z.boolean(),
    tags: z.array(z.string()),
    options: z.object({}),
    links,
  })
  .register(documented, { id: 'Project' })
export type Project = z.infer<typeof Project>

export const ProjectCreate = z.object({ name: Name, description: z.nullish(Text), enabled: z.nullish(z.boolean()) })
export const ProjectUpdate = z.object({ name: z.nullish(Name), description: z.nullish(Text), enabled: z.nullish(z.boolean()) })

/** A local user; passwords only ever come in. */
export const User = z
  .object({
    id: z.string(),
    name: z.string(),
    email: z.optional(z.string()),
    description: z.string(),
    enabled: z.boolean(),
    domain_id: z.string(),
    default_project_id: z.nullable(z.string()),
    password_expires_at: z.null(),
    options: z.object({}),
    links,
  })
  .register(documented, { id: 'User' })
export type User = z.infer<typeof User>

export const Password = z.string().check(z.minLength(8, 'a password has at least 8 characters'), z.maxLength(1024))

const userSettings = {
  email: z.nullish(z.string().check(z.maxLength(LIMITS.nameChars))),
  description: z.nullish(Text),
  enabled: z.nullish(z.boolean()),
  default_project_id: z.nullish(z.string().check(z.maxLength(LIMITS.nameChars))),
}
export const UserCreate = z.object({ name: Name, password: Password, ...userSettings })
export const UserUpdate = z.object({ name: z.nullish(Name), password: z.nullish(Password), ...userSettings })
export type UserCreate = z.infer<typeof UserCreate>
export type UserUpdate = z.infer<typeof UserUpdate>

/** A role as Keystone shows it; the three are fixed (roles.ts). */
export const RoleObject = z
  .object({ id: z.string(), name: z.string(), domain_id: z.null(), description: z.string(), links })
  .register(documented, { id: 'Role' })
export type RoleObject = z.infer<typeof RoleObject>

const Reference = z.object({
  id: z.string(),
  name: z.optional(z.string()),
  domain: z.optional(z.object({ id: z.string(), name: z.string() })),
})

export const RoleAssignment = z.object({
  role: Reference,
  user: Reference,
  scope: z.object({ project: Reference }),
  links: z.object({ assignment: z.string() }),
})
export type RoleAssignment = z.infer<typeof RoleAssignment>
