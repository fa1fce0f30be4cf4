export { DEFAULT_TIMEOUT_S, OS_TYPES } from './script-spec.ts'
export type { OsType, ScriptSource, ScriptSpec, Secret } from './script-spec.ts'
