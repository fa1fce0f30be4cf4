export type { Arguments } from './command/arguments.ts'
export { refreshCommand } from './command/refresh-command.ts'
export { RefreshFailed } from './command/run-command.ts'
