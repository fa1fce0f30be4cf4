import { CommanderError, type Command } from 'commander'
import { registerBoot } from './commands/boot.ts'
import { registerCheck } from './commands/check.ts'
import { registerConfig } from './commands/config.ts'
import { registerDemo } from './commands/demo.ts'
import { registerDoctor } from './commands/doctor.ts'
import { registerInspect } from './commands/inspect.ts'
import { registerMorph } from './commands/morph.ts'
import { registerPlan } from './commands/plan.ts'
import { registerRefresh } from './commands/refresh.ts'
import { registerRun } from './commands/run.ts'
import { registerServe } from './commands/serve.ts'
import { registerShell } from './commands/shell.ts'
import type { Context } from './context.ts'
import { NOUNS } from './nouns.ts'
import { addSessionOptions, givenSessionOptions } from './service/session-options.ts'
import { UsageCommand } from './usage-command.ts'

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
  registerRefresh,
  registerRun,
  registerServe,
  registerConfig,
  registerDoctor,
]

export const VERSION = '0.1.0'

const COMPLETION_HELP = '\nCompletion: instar complete bash (zsh, fish) prints what a shell needs; source <(instar complete bash)'

const SESSION_HELP = '\nWhich service, and as whom: the variables OS_..., or the options that instar --help names.'

/**
 * The command line as commander sees it: --help, completion and docs/reference/cli.md come from this one table. The verbs of a noun are
 * there only when `words` holds its name, or is 'all'.
 */
export async function createProgram(
  context: Context,
  finish: (exitCode: number) => void,
  words: readonly string[] | 'all' = context.argv,
): Promise<Command> {
  const program = new UsageCommand('instar')
    .description("Moves machines and runs the user's scripts at every phase of the move.")
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeOut: text => context.stdout.write(text), writeErr: text => context.stderr.write(text) })
    .showSuggestionAfterError()
    .commandsGroup('On this machine:')
  for (const register of COMMANDS) register(program, context, finish)
  program.commandsGroup('Of the service:')
  for (const { name, about, load } of NOUNS) {
    const noun = program.command(name).description(about).addHelpText('afterAll', SESSION_HELP)
    if (words === 'all' || words.includes(name)) (await load()).register(noun, context, finish)
  }
  addSessionOptions(program)
  program.addHelpText('after', COMPLETION_HELP)
  program.hook('preAction', (_, action) => refuseUnusedSession(program, action))
  return program
}

/** Options that would do nothing are refused. */
function refuseUnusedSession(program: Command, action: Command): void {
  const given = givenSessionOptions(program)
  if (given.length > 0 && !NOUNS.some(({ name }) => name === topOf(action))) {
    program.error(`${given.join(', ')} would do nothing: instar ${topOf(action)} talks to no service`)
  }
}

function topOf(command: Command): string {
  return command.parent === null || command.parent.parent === null ? command.name() : topOf(command.parent)
}

/** Runs a command line and gives its exit code; throws what the command throws, and usage errors. */
export async function runProgram(context: Context): Promise<number> {
  let exitCode = 0
  const wanted = context.argv[0] === 'complete' ? 'all' : context.argv
  const program = await createProgram(context, code => (exitCode = code), wanted)
  try {
    if (context.argv[0] === 'complete') {
      const { complete } = await import('./completion/complete.ts')
      await complete(program, context)
    } else await program.parseAsync(withHelpLast(context.argv), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Help has been printed: asked for, or in place of a verb that is missing.
    return error.exitCode === 0 ? 0 : 2
  }
  return exitCode
}

/** `help transfer execute` as `transfer execute --help`: commander's own `help` takes one word. */
function withHelpLast(argv: readonly string[]): string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv]
}
