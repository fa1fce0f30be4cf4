import { installCommand } from '../units/install.ts'
import type { Arguments } from './arguments.ts'
import type { RefreshIo } from './io.ts'
import { logCommand, showCommand } from './journal-commands.ts'
import { runCommand } from './run-command.ts'

/** Does what a command line of `instar refresh` asks for; gives the exit code and throws what ended it. */
export async function refreshCommand(args: Arguments, io: RefreshIo): Promise<number> {
  switch (args.command.name) {
    case 'log':
      return logCommand(args.values, io)
    case 'show':
      return showCommand(args.values, args.positionals, io)
    case 'install':
      return installCommand(args.values, io)
    case '':
      return runCommand(args.values, io)
  }
}
