import type { Log } from '@instar/contract'
import type { Store } from '@instar/store'
import type { PasswordCost } from './identity/password.ts'

export interface ServerSettings {
  /** Where clients reach the API (scheme, host, port), for the catalog; absent: as each request did. */
  readonly publicUrl: string | undefined
  readonly tokenLifetimeMs: number
  readonly passwordCost: PasswordCost
}

/** What the API is made of. */
export interface ServerDeps {
  readonly store: Store
  readonly log: Log
  readonly now: () => Date
  readonly newId: () => string
  readonly settings: ServerSettings
}
