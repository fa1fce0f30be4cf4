import { Option, type Command } from 'commander'
import { repeatable } from '../commands/options.ts'

export const FORMATS = ['table', 'json', 'yaml', 'csv', 'value'] as const
export type Format = (typeof FORMATS)[number]

export interface OutputOptions {
  readonly format: Format
  readonly column?: readonly string[]
  readonly quiet?: boolean
}

export interface ListOptions extends OutputOptions {
  readonly sort?: string
}

const GROUP = 'Output:'

/** The options of a command that prints one thing. */
export function addShowOptions(command: Command): Command {
  return command
    .addOption(new Option('-f, --format <format>', 'how the result is printed').choices(FORMATS).default('table').helpGroup(GROUP))
    .addOption(new Option('-c, --column <column>', 'only this column; repeatable').argParser(repeatable).helpGroup(GROUP))
    .addOption(new Option('-q, --quiet', 'print the id only').helpGroup(GROUP))
}

/** The options of a command that prints a list. */
export function addListOptions(command: Command): Command {
  return addShowOptions(command).addOption(new Option('--sort <column[:asc|desc],...>', 'order of the rows, by columns').helpGroup(GROUP))
}
