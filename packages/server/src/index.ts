export { createServer } from './create-server.ts'
export type { ApiServer } from './create-server.ts'
export type { ServerDeps, ServerSettings } from './server-deps.ts'
export { bootstrapIdentity } from './identity/bootstrap.ts'
