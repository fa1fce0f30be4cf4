import type { Command } from 'commander'
import type { Region } from '@instar/contract/api'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addShowOptions, type OutputOptions } from '../output/options.ts'
import { printOne } from '../output/print.ts'
import type { Api } from '../service/api.ts'
import { connect } from '../service/connect.ts'
import { regionId } from '../service/look-up.ts'
import { addEnabledOptions, addDeleteVerb, addListVerb, addShowVerb, enabledOf } from './verbs.ts'

const COLUMNS: readonly Column<Region>[] = [
  { name: 'ID', of: row => row.id },
  { name: 'Name', of: row => row.name },
  { name: 'Enabled', of: row => row.enabled },
  { name: 'Description', of: row => row.description },
  { name: 'Mapped Endpoint IDs', of: row => row.mapped_endpoints },
  { name: 'Mapped Service IDs', of: row => row.mapped_services },
  { name: 'Created At', of: row => row.created_at },
  { name: 'Last Updated At', of: row => row.updated_at },
]

interface RegionOptions extends OutputOptions {
  readonly name?: string
  readonly description?: string
  readonly enabled?: boolean
  readonly disabled?: boolean
}

const ARGUMENT = ['region', 'id or name'] as const
const pathOf = async (api: Api, wanted: string) => `regions/${await regionId(api, wanted)}`

/** `instar region ...`. */
export function register(noun: Command, context: Context): void {
  addListVerb(noun, context, { about: 'All regions.', columns: COLUMNS, read: listRegions })
  addShowVerb(noun, context, {
    about: 'One region.',
    argument: ARGUMENT,
    fields: COLUMNS,
    read: async (api, wanted) => (await api.get<{ region: Region }>(await pathOf(api, wanted))).region,
  })
  const create = noun
    .command('create')
    .description('Makes a region: a group of workers that reach the same endpoints.')
    .argument('<name>', 'name of the region')
    .option('--description <text>', 'what it is for', '')
  addShowOptions(addEnabledOptions(create), COLUMNS).action(async (name: string, options: RegionOptions, command: Command) => {
    const body = { region: { name, description: options.description, enabled: enabledOf(options) } }
    const { region } = await connect(context, command).post<{ region: Region }>('regions', body)
    await printOne(context.stdout, options, COLUMNS, region)
  })
  const update = noun
    .command('update')
    .description('Changes what is named.')
    .argument('<region>', 'id or name')
    .option('--name <name>', 'new name')
    .option('--description <text>', 'what it is for')
  addShowOptions(addEnabledOptions(update), COLUMNS).action(async (wanted: string, options: RegionOptions, command: Command) => {
    const api = connect(context, command)
    const { name, description } = options
    const body = { region: { name, description, enabled: enabledOf(options) } }
    const { region } = await api.put<{ region: Region }>(await pathOf(api, wanted), body)
    await printOne(context.stdout, options, COLUMNS, region)
  })
  addDeleteVerb(noun, context, { about: 'Deletes a region.', argument: ARGUMENT, path: pathOf })
}

async function listRegions(api: Api): Promise<readonly Region[]> {
  return (await api.get<{ regions: Region[] }>('regions')).regions
}
