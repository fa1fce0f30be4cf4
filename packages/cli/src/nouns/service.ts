import type { Command } from 'commander'
import type { Service } from '@instar/contract/api'
import { repeatable } from '../commands/options.ts'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addShowOptions, type OutputOptions } from '../output/options.ts'
import { printOne } from '../output/print.ts'
import type { Api } from '../service/api.ts'
import { connect } from '../service/connect.ts'
import { findId, regionIds } from '../service/look-up.ts'
import { addDeleteVerb, addEnabledOptions, addListVerb, addShowVerb, enabledOf } from './verbs.ts'

const COLUMNS: readonly Column<Service>[] = [
  { name: 'ID', of: row => row.id },
  { name: 'Host', of: row => row.host },
  { name: 'Binary', of: row => row.binary },
  { name: 'Topic', of: row => row.topic },
  { name: 'Enabled', of: row => row.enabled },
  { name: 'Status', of: row => row.status },
  { name: 'Mapped Region IDs', of: row => row.mapped_regions },
  { name: 'Created At', of: row => row.created_at },
  { name: 'Last Updated At', of: row => row.updated_at },
]

interface ServiceOptions extends OutputOptions {
  readonly coriolisRegion?: readonly string[]
  readonly enabled?: boolean
  readonly disabled?: boolean
}

interface CreateOptions extends ServiceOptions {
  readonly host: string
  readonly binary: string
  readonly topic: string
}

const ARGUMENT = ['service', 'id or host'] as const
const pathOf = async (api: Api, wanted: string) =>
  `services/${await findId(wanted, 'service', async () => (await listServices(api)).map(({ id, host }) => ({ id, name: host })))}`

/** `instar service ...`. */
export function register(noun: Command, context: Context): void {
  addListVerb(noun, context, { about: 'The workers, and whether they are there.', columns: COLUMNS, read: listServices })
  addShowVerb(noun, context, {
    about: 'One worker.',
    argument: ARGUMENT,
    fields: COLUMNS,
    read: async (api, wanted) => (await api.get<{ service: Service }>(await pathOf(api, wanted))).service,
  })
  const create = noun
    .command('create')
    .description('Makes a worker known. Workers do it themselves when they start.')
    .requiredOption('--host <host>', 'host that it runs on')
    .requiredOption('--binary <name>', 'its program')
    .requiredOption('--topic <name>', 'what it listens to')
  addShowOptions(addRegionOptions(create), COLUMNS).action(async (options: CreateOptions, command: Command) => {
    const { host, binary, topic, coriolisRegion = [] } = options
    const api = connect(context, command)
    const mapped_regions = await regionIds(api, coriolisRegion)
    const body = { service: { host, binary, topic, mapped_regions, enabled: enabledOf(options) } }
    const { service } = await api.post<{ service: Service }>('services', body)
    await printOne(context.stdout, options, COLUMNS, service)
  })
  const update = noun
    .command('update')
    .description('Lets a worker work or not, and says for which regions.')
    .argument('<service>', 'id or host')
  addShowOptions(addRegionOptions(update), COLUMNS).action(async (wanted: string, options: ServiceOptions, command: Command) => {
    const api = connect(context, command)
    const body = { service: { enabled: enabledOf(options), mapped_regions: await regionIds(api, options.coriolisRegion) } }
    const { service } = await api.put<{ service: Service }>(await pathOf(api, wanted), body)
    await printOne(context.stdout, options, COLUMNS, service)
  })
  addDeleteVerb(noun, context, {
    about: 'Forgets a worker; one that still runs makes itself known again at its next start.',
    argument: ARGUMENT,
    path: pathOf,
  })
}

function addRegionOptions(command: Command): Command {
  return addEnabledOptions(command).option(
    '--coriolis-region <region>',
    'region that it works for: id or name; repeatable ("" on an update: none)',
    repeatable,
  )
}

async function listServices(api: Api): Promise<readonly Service[]> {
  return (await api.get<{ services: Service[] }>('services')).services
}
