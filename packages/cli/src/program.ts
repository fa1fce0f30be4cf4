import { Command, CommanderError } from 'commander'
import { registerBoot } from './commands/boot.ts'
import { registerCheck } from './commands/check.ts'
import { registerDemo } from './commands/demo.ts'
import { registerDoctor } from './commands/doctor.ts'
import { registerInspect } from './commands/inspect.ts'
import { registerMorph } from './commands/morph.ts'
import { registerPlan } from './commands/plan.ts'
import { registerRun } from './commands/run.ts'
import { registerScript } from './commands/script.ts'
import { registerShell } from './commands/shell.ts'
import type { Context } from './context.ts'

/** A command adds itself to the program; `finish` takes the exit code of one that ends without an error. */
export type Register = (program: Command, context: Context, finish: (exitCode: number) => void) => void

const COMMANDS: readonly Register[] = [
  registerDemo,
  registerMorph,
  registerPlan,
  registerInspect,
  registerCheck,
  registerBoot,
  registerShell,
  registerRun,
  registerScript,
  registerDoctor,
]

export const VERSION = '0.1.0'

/** The command line as commander sees it: --help, the man page and docs/reference/cli.md come from this one table. */
export function createProgram(context: Context, finish: (exitCode: number) => void): Command {
  const program = new Command('instar')
    .description("Moves machines and runs the user's scripts at every phase of the move.")
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeOut: text => context.stdout.write(text), writeErr: text => context.stderr.write(text) })
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
  for (const register of COMMANDS) register(program, context, finish)
  return program
}

/** Runs a command line and gives its exit code; throws what the command throws. Usage errors have been printed and give 2. */
export async function runProgram(context: Context): Promise<number> {
  let exitCode = 0
  const program = createProgram(context, code => (exitCode = code))
  try {
    await program.parseAsync([...context.argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? 0 : 2
  }
  return exitCode
}
