import type { Role } from '@instar/contract/api'
import type { Caller } from '../http/call.ts'

/** Who may do what: the built-in service, or a real Keystone. */
export interface Identity extends AsyncDisposable {
  /** Who a token belongs to. Throws `api.unauthorized`, or `identity.upstream-failed` when a Keystone does not answer. */
  authenticate(token: string | undefined): Promise<Caller>
  /** What a user may do in a project now; background work asks before it acts for him. Empty when he or the project is gone. */
  rolesOf(userId: string, projectId: string, signal: AbortSignal): Promise<readonly Role[]>
}
