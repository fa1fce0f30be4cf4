import type { ApiDeps } from './api-deps.ts'
import type { BackgroundSettings } from './background/background.ts'
import type { KeystoneSettings } from './identity/keystone.ts'
import type { PasswordCost } from './identity/password.ts'

export interface ServerSettings extends BackgroundSettings {
  /** Where clients reach the API (scheme, host, port), for the catalog; absent: as each request did. */
  readonly publicUrl: string | undefined
  readonly tokenLifetimeMs: number
  readonly passwordCost: PasswordCost
  /** A real Keystone in place of the built-in identity. */
  readonly keystone?: KeystoneSettings | undefined
  /** A Barbican that connection data is read from; absent: the one of the Keystone's catalog. */
  readonly keyManagerUrl?: string | undefined
  /** Folder with the log files that `/logs` shows: `<name>.log`. */
  readonly logFolder?: string | undefined
}

/** What the API is made of. */
export interface ServerDeps extends ApiDeps {
  readonly settings: ServerSettings
}
