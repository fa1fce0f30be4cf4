import { Option, type Command } from 'commander'
import { repeatable } from '../commands/options.ts'
import { chooseColumns, type Column } from './column.ts'
import { parseSort, sortBy } from './sort.ts'

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

/**
 * The options of a command that prints one thing with these fields, which may hang on its options. A field that is none of them is refused before
 * the command does anything.
 */
export function addShowOptions<T>(command: Command, fields: readonly Column<T>[] | (() => readonly Column<T>[])): Command {
  return command
    .hook('preAction', () => void chooseColumns(typeof fields === 'function' ? fields() : fields, command.opts<OutputOptions>().column))
    .addOption(new Option('-f, --format <format>', 'how the result is printed').choices(FORMATS).default('table').helpGroup(GROUP))
    .addOption(new Option('-c, --column <column>', 'only this column; repeatable').argParser(repeatable).helpGroup(GROUP))
    .addOption(new Option('-q, --quiet', 'print the id only').helpGroup(GROUP))
}

/** The options of a command that prints a list with these columns; as `addShowOptions`, for `--sort` too. */
export function addListOptions<T>(command: Command, columns: readonly Column<T>[]): Command {
  return addShowOptions(command, columns)
    .addOption(new Option('--sort <column[:asc|desc],...>', 'order of the rows, by columns').helpGroup(GROUP))
    .hook('preAction', () => {
      const { sort } = command.opts<ListOptions>()
      if (sort !== undefined) sortBy([], columns, parseSort(sort))
    })
}
