/** What a user may do in a project: a reader reads, a member works, an admin also runs the installation. Each may do what the one before may. */
export const ROLES = ['reader', 'member', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** Whether one of the roles held is at least the role needed. Names that are not ours (of a real Keystone) count for nothing. */
export function mayAct(held: readonly string[], needed: Role): boolean {
  return ROLES.slice(ROLES.indexOf(needed)).some(role => held.includes(role))
}
