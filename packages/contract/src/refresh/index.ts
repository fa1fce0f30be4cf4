export { REFRESH_COMMANDS } from './commands.ts'
export type { RefreshArgument, RefreshCommand, RefreshOption } from './commands.ts'
