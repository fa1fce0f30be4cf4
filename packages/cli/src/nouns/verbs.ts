import { Option, type Command } from 'commander'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addListOptions, addShowOptions, type ListOptions, type OutputOptions } from '../output/options.ts'
import { printList, printOne } from '../output/print.ts'
import type { Api } from '../service/api.ts'
import { connect } from '../service/connect.ts'

// The verbs that most nouns have in the same form.

export interface ListVerb<T> {
  readonly about: string
  readonly columns: readonly Column<T>[]
  readonly read: (api: Api) => Promise<readonly T[]>
}

export function addListVerb<T>(noun: Command, context: Context, { about, columns, read }: ListVerb<T>): void {
  addListOptions(noun.command('list').description(about), columns).action(async (options: ListOptions, command: Command) => {
    await printList(context.stdout, options, columns, await read(connect(context, command)))
  })
}

export interface ShowVerb<T> {
  readonly about: string
  /** Name of the argument, and how the thing may be named. */
  readonly argument: readonly [name: string, about: string]
  readonly fields: readonly Column<T>[]
  readonly read: (api: Api, wanted: string) => Promise<T>
}

export function addShowVerb<T>(noun: Command, context: Context, { about, argument, fields, read }: ShowVerb<T>): void {
  const show = noun.command('show').description(about).argument(`<${argument[0]}>`, argument[1])
  addShowOptions(show, fields).action(async (wanted: string, options: OutputOptions, command: Command) => {
    await printOne(context.stdout, options, fields, await read(connect(context, command), wanted))
  })
}

export interface DeleteVerb {
  readonly about: string
  readonly argument: readonly [name: string, about: string]
  /** Path of the thing below the project. */
  readonly path: (api: Api, wanted: string) => Promise<string>
}

export function addDeleteVerb(noun: Command, context: Context, { about, argument, path }: DeleteVerb): void {
  noun
    .command('delete')
    .description(about)
    .argument(`<${argument[0]}>`, argument[1])
    .action(async (wanted: string, _options: object, command: Command) => {
      const api = connect(context, command)
      await api.delete(await path(api, wanted))
    })
}

/** `--enabled` and `--disabled` as a value: undefined when neither is given. */
export function enabledOf(options: { readonly enabled?: boolean; readonly disabled?: boolean }): boolean | undefined {
  return options.enabled === true ? true : options.disabled === true ? false : undefined
}

export function addEnabledOptions(command: Command): Command {
  return command
    .addOption(new Option('--enabled', 'it may be used').conflicts('disabled'))
    .addOption(new Option('--disabled', 'it may not be used'))
}
