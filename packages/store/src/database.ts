import type { EngineTables } from './tables/engine.ts'

/** All tables, as Kysely sees them: one interface a group, each in its own file under `tables/`. */
export interface Database extends EngineTables {}
