import type { Generated } from 'kysely'

/** Table of `0008-secret-check.sql`. */
export interface VaultTables {
  secret_check: { one: Generated<boolean>; sealed: Buffer }
}
