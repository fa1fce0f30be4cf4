import type { TokenAnswer } from '@instar/contract/api'
import type { Store } from '@instar/store'
import { catalogOf } from './catalog.ts'
import { DOMAIN, findRole, roleId } from './role-objects.ts'
import type { StoredToken } from './tokens.ts'

/** A token as Keystone describes it. */
export async function tokenAnswer(db: Store['db'], token: StoredToken, baseUrl: string): Promise<TokenAnswer> {
  const head = {
    methods: [...token.methods],
    user: { id: token.userId, name: token.userName, domain: DOMAIN, password_expires_at: null },
    audit_ids: [token.auditId],
    issued_at: keystoneTime(token.issuedAt),
    expires_at: keystoneTime(token.expiresAt),
  }
  if (token.projectId === null) return { token: head }
  const project = await db.selectFrom('projects').select(['id', 'name']).where('id', '=', token.projectId).executeTakeFirstOrThrow()
  return {
    token: {
      ...head,
      is_domain: false,
      project: { ...project, domain: DOMAIN },
      roles: token.roles.flatMap(name => {
        const role = findRole(name)
        return role === undefined ? [] : [{ id: roleId(role), name }]
      }),
      catalog: catalogOf(baseUrl, project.id),
    },
  }
}

/** With microseconds and a Z, as Keystone writes it. */
function keystoneTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z')
}
