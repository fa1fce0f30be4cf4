import type { EngineTables } from './tables/engine.ts'
import type { IdentityTables } from './tables/identity.ts'
import type { ResourceTables } from './tables/resources.ts'
import type { VaultTables } from './tables/vault.ts'

/** All tables, as Kysely sees them: one interface a group, each in its own file under `tables/`. */
export interface Database extends EngineTables, IdentityTables, ResourceTables, VaultTables {}
