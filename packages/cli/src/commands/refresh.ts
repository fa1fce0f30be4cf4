import { REFRESH_COMMANDS, type RefreshCommand, type RefreshOption } from '@instar/contract/refresh'
import { Option, type Command } from 'commander'
import type { Context } from '../context.ts'

/** `instar refresh` with its log, show and install: the same table that makes the program `instar-refresh`. */
export function registerRefresh(program: Command, context: Context, finish: (exitCode: number) => void): void {
  const [root, ...others] = REFRESH_COMMANDS
  if (root === undefined) return
  const refresh = program.command('refresh')
  register(refresh, root, context, finish)
  for (const command of others) register(refresh.command(command.name), command, context, finish)
}

function register(command: Command, table: RefreshCommand, context: Context, finish: (exitCode: number) => void): void {
  command.description(table.description)
  for (const { name, required, description } of table.args) command.argument(required ? `<${name}>` : `[${name}]`, description)
  for (const option of table.options) command.addOption(optionOf(option))
  command.action(async () => {
    const { runRefresh } = await import('../refresh/run-refresh.ts')
    finish(await runRefresh(table, { values: valuesOf(table, command), positionals: command.args }, context))
  })
}

function optionOf(option: RefreshOption): Option {
  const made = new Option(`--${option.name}${option.value === undefined ? '' : ` ${option.value}`}`, option.description)
  if (option.default !== undefined) made.default(option.default)
  if (option.choices !== undefined) made.choices(option.choices)
  if (option.repeatable === true) made.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value])
  return made
}

/**
 * By the names of the table: commander has names of its own for them (`scriptTimeout`). An option that `refresh` has as well as `log` is taken by
 * `refresh`, wherever it stands.
 */
function valuesOf(table: RefreshCommand, command: Command): Record<string, string | boolean | readonly string[] | undefined> {
  return Object.fromEntries(
    table.options.map(option => {
      const name = optionOf(option).attributeName()
      const giver = [command, command.parent].find(each => each?.getOptionValueSource(name) === 'cli') ?? command
      return [option.name, giver.getOptionValue(name) as string]
    }),
  )
}
