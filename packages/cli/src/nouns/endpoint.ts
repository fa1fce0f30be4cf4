import { Option, type Command } from 'commander'
import { InstarError } from '@instar/contract/errors'
import type { Endpoint } from '@instar/contract/api'
import { repeatable } from '../commands/options.ts'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addJsonOption, readJsonOption, type JsonObject } from '../output/json-option.ts'
import { addShowOptions, type OutputOptions } from '../output/options.ts'
import { printOne } from '../output/print.ts'
import type { Api } from '../service/api.ts'
import { connect } from '../service/connect.ts'
import { endpointId, regionIds } from '../service/look-up.ts'
import { checkProvider } from './known-provider.ts'
import { registerEndpointParts } from './endpoint-parts.ts'
import { addDeleteVerb, addListVerb, addShowVerb } from './verbs.ts'
import { tryStoredConnection } from './validate-connection.ts'

const COLUMNS: readonly Column<Endpoint>[] = [
  { name: 'ID', of: row => row.id },
  { name: 'Name', of: row => row.name },
  { name: 'Type', of: row => row.type },
  { name: 'Description', of: row => row.description },
  { name: 'Mapped Region IDs', of: row => row.mapped_regions },
]

const FIELDS: readonly Column<Endpoint>[] = [
  { name: 'id', of: one => one.id },
  { name: 'name', of: one => one.name },
  { name: 'type', of: one => one.type },
  { name: 'description', of: one => one.description },
  { name: 'connection_info', of: one => one.connection_info },
  { name: 'mapped_regions', of: one => one.mapped_regions },
  { name: 'created_at', of: one => one.created_at },
  { name: 'last_updated', of: one => one.updated_at },
]

interface CreateOptions extends OutputOptions {
  readonly name: string
  readonly provider: string
  readonly description?: string
  readonly connectionSecret?: string
  readonly coriolisRegion?: readonly string[]
  readonly skipValidation?: boolean
}

interface UpdateOptions extends OutputOptions {
  readonly name?: string
  readonly description?: string
  readonly connectionSecret?: string
  readonly coriolisRegion?: readonly string[]
}

const ARGUMENT = ['endpoint', 'id or name'] as const
const pathOf = async (api: Api, wanted: string) => `endpoints/${await endpointId(api, wanted)}`

/** `instar endpoint ...`. */
export function register(noun: Command, context: Context): void {
  addListVerb(noun, context, {
    about: 'All endpoints of the project.',
    columns: COLUMNS,
    read: async api => (await api.get<{ endpoints: Endpoint[] }>('endpoints')).endpoints,
  })
  addShowVerb(noun, context, {
    about: 'One endpoint.',
    argument: ARGUMENT,
    fields: FIELDS,
    read: async (api, wanted) => (await api.get<{ endpoint: Endpoint }>(await pathOf(api, wanted))).endpoint,
  })
  registerCreate(noun, context)
  registerUpdate(noun, context)
  addDeleteVerb(noun, context, { about: 'Deletes an endpoint; refused while a transfer uses it.', argument: ARGUMENT, path: pathOf })
  registerEndpointParts(noun, context)
}

function registerCreate(noun: Command, context: Context): void {
  const create = noun
    .command('create')
    .description('Stores a connection and tries it. One that does not work stays stored, and the exit code is 1.')
    .requiredOption('--name <name>', 'name of the endpoint')
    .requiredOption('--provider <platform>', 'platform: see instar provider list')
  addConnectionOptions(create)
    .option('--skip-validation', 'do not look whether a worker has this platform, nor try the connection')
    .action(async (options: CreateOptions, command: Command) => {
      const connection_info = await connectionOf(command, options)
      if (connection_info === undefined) {
        throw new InstarError('usage.bad-argument', 'none of --connection, --connection-file and --connection-secret is given')
      }
      const { name, provider: type, description = null, coriolisRegion = [] } = options
      const api = connect(context, command)
      if (options.skipValidation !== true) await checkProvider(api, type)
      const mapped_regions = await regionIds(api, coriolisRegion)
      const body = { endpoint: { name, type, description, connection_info, mapped_regions } }
      const { endpoint } = await api.post<{ endpoint: Endpoint }>('endpoints', body)
      if (options.skipValidation !== true) await tryStoredConnection(api, endpoint)
      await printOne(context.stdout, options, FIELDS, endpoint)
    })
  addShowOptions(create, FIELDS)
}

function registerUpdate(noun: Command, context: Context): void {
  const update = noun
    .command('update')
    .description('Changes what is named; connection data and regions are replaced as a whole.')
    .argument('<endpoint>', 'id or name')
    .option('--name <name>', 'new name')
  addConnectionOptions(update).action(async (wanted: string, options: UpdateOptions, command: Command) => {
    const { name, description, coriolisRegion } = options
    const connection_info = await connectionOf(command, options)
    const api = connect(context, command)
    const changes = { name, description, connection_info, mapped_regions: await regionIds(api, coriolisRegion) }
    const { endpoint } = await api.put<{ endpoint: Endpoint }>(await pathOf(api, wanted), { endpoint: changes })
    await printOne(context.stdout, options, FIELDS, endpoint)
  })
  addShowOptions(update, FIELDS)
}

function addConnectionOptions(command: Command): Command {
  command.option('--description <text>', 'what it is for')
  return addJsonOption(command, 'connection', 'connection data, as its platform wants it (instar provider schema list PLATFORM connection)')
    .addOption(
      new Option('--connection-secret <url>', 'where a Barbican holds the connection data').conflicts(['connection', 'connectionFile']),
    )
    .option('--coriolis-region <region>', 'region whose workers reach it: id or name; repeatable ("" on an update: none)', repeatable)
}

async function connectionOf(command: Command, options: { connectionSecret?: string }): Promise<JsonObject | undefined> {
  return options.connectionSecret === undefined ? readJsonOption(command, 'connection') : { secret_ref: options.connectionSecret }
}
