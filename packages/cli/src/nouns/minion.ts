import { Option, type Command } from 'commander'
import { InstarError } from '@instar/contract/errors'
import type { MinionPool } from '@instar/contract/api'
import { wholeNumber } from '../commands/options.ts'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addJsonOption, readJsonOption } from '../output/json-option.ts'
import { addShowOptions, type OutputOptions } from '../output/options.ts'
import { printOne } from '../output/print.ts'
import type { Api } from '../service/api.ts'
import { connect } from '../service/connect.ts'
import { endpointId, poolId } from '../service/look-up.ts'
import { addDeleteVerb, addListVerb, addShowVerb } from './verbs.ts'

type PoolRow = Omit<MinionPool, 'events' | 'progress_updates' | 'user_id' | 'project_id'>

const COLUMNS: readonly Column<PoolRow>[] = [
  { name: 'ID', of: row => row.id },
  { name: 'Pool Name', of: row => row.name },
  { name: 'Endpoint', of: row => row.endpoint_id },
  { name: 'Pool Platform', of: row => row.platform },
  { name: 'OS Type', of: row => row.os_type },
  { name: 'Notes', of: row => row.notes },
  { name: 'Pool Status', of: row => row.status },
  { name: 'Minions (Min - Max)', of: row => `${row.minimum_minions} - ${row.maximum_minions}` },
]

const FIELDS: readonly Column<MinionPool>[] = [
  { name: 'ID', of: one => one.id },
  { name: 'Pool Name', of: one => one.name },
  { name: 'Endpoint', of: one => one.endpoint_id },
  { name: 'Pool Platform', of: one => one.platform },
  { name: 'OS Type', of: one => one.os_type },
  { name: 'Pool Status', of: one => one.status },
  { name: 'Notes', of: one => one.notes },
  { name: 'Created At', of: one => one.created_at },
  { name: 'Updated At', of: one => one.updated_at },
  { name: 'Maintenance Trust ID', of: one => one.maintenance_trust_id },
  { name: 'Minimum Minions', of: one => one.minimum_minions },
  { name: 'Maximum Minions', of: one => one.maximum_minions },
  { name: 'Minion Max Idle Time', of: one => one.minion_max_idle_time },
  { name: 'Minion Retention Strategy', of: one => one.minion_retention_strategy },
  { name: 'Environment Options', of: one => one.environment_options },
  { name: 'Shared Resources', of: one => one.shared_resources },
  {
    name: 'Events',
    of: one => one.events,
    text: one => one.events.map(event => `${event.created_at} ${event.level} ${event.message}`).join('\n'),
  },
  { name: 'Progress Updates', of: one => one.progress_updates, text: one => one.progress_updates.map(step => step.message).join('\n') },
  {
    name: 'Minion Machines',
    of: one => one.minion_machines,
    text: one =>
      (one.minion_machines ?? []).map(machine => `${machine.id} ${machine.allocation_status} ${machine.power_status}`).join('\n'),
  },
]

interface PoolOptions extends OutputOptions {
  readonly name?: string
  readonly osType?: string
  readonly platform?: string
  readonly endpointId?: string
  readonly notes?: string
  readonly minimumMinions?: number
  readonly maximumMinions?: number
  readonly minionMaxIdleTime?: number
  readonly minionRetentionStrategy?: string
  readonly skipAllocation?: boolean
}

interface ActionOptions extends OutputOptions {
  readonly force?: boolean
  readonly wait?: boolean
}

const ARGUMENT = ['pool', 'id or name'] as const
const pathOf = async (api: Api, wanted: string) => `minion_pools/${await poolId(api, wanted)}`

/** `instar minion pool ...`. */
export function register(noun: Command, context: Context): void {
  const pool = noun.command('pool').description('Warm sets of minions.')
  addListVerb(pool, context, {
    about: 'The minion pools of the project.',
    columns: COLUMNS,
    read: async api => (await api.get<{ minion_pools: PoolRow[] }>('minion_pools')).minion_pools,
  })
  addShowVerb(pool, context, {
    about: 'One minion pool with its machines and what happened.',
    argument: ARGUMENT,
    fields: FIELDS,
    read: async (api, wanted) => (await api.get<{ minion_pool: MinionPool }>(await pathOf(api, wanted))).minion_pool,
  })
  registerCreate(pool, context)
  registerUpdate(pool, context)
  for (const [name, about] of [
    ['allocate', 'Makes the machines of a pool.'],
    ['refresh', 'Checks the health of the machines of a pool.'],
    ['deallocate', 'Removes the machines of a pool.'],
  ] as const) {
    registerAction(pool, context, { name, about })
  }
  addDeleteVerb(pool, context, { about: 'Deletes a pool that has no machines.', argument: ARGUMENT, path: pathOf })
}

function registerCreate(pool: Command, context: Context): void {
  const create = pool
    .command('create')
    .description('Makes a pool, and its machines unless --skip-allocation is given.')
    .argument('<name>', 'name of the pool')
    .addOption(
      new Option('--platform <side>', 'whether its minions read or write disks').choices(['source', 'destination']).makeOptionMandatory(),
    )
    .requiredOption('--endpoint-id <endpoint>', 'endpoint where its minions live: id or name')
    .addOption(osTypeOption().makeOptionMandatory())
    .option('--skip-allocation', 'make no machines yet')
  addShowOptions(addPoolOptions(create), FIELDS).action(async (name: string, options: PoolOptions, command: Command) => {
    const environment_options = await readJsonOption(command, 'environment-options')
    if (environment_options === undefined)
      throw new InstarError('usage.bad-argument', 'neither --environment-options nor --environment-options-file is given')
    const api = connect(context, command)
    const body = {
      minion_retention_strategy: 'delete',
      ...poolFields(options),
      name,
      platform: options.platform,
      endpoint_id: await endpointId(api, options.endpointId!),
      environment_options,
      skip_allocation: options.skipAllocation === true,
    }
    const answer = await api.post<{ minion_pool: MinionPool }>('minion_pools', { minion_pool: body })
    await printOne(context.stdout, options, FIELDS, answer.minion_pool)
  })
}

function registerUpdate(pool: Command, context: Context): void {
  const update = pool
    .command('update')
    .description('Changes a pool that has no machines.')
    .argument('<pool>', 'id or name')
    .option('--name <name>', 'new name')
  addShowOptions(addPoolOptions(update.addOption(osTypeOption())), FIELDS).action(
    async (wanted: string, options: PoolOptions, command: Command) => {
      const environment_options = await readJsonOption(command, 'environment-options')
      const api = connect(context, command)
      const body = { ...poolFields(options), name: options.name, environment_options }
      const answer = await api.put<{ minion_pool: MinionPool }>(await pathOf(api, wanted), { minion_pool: body })
      await printOne(context.stdout, options, FIELDS, answer.minion_pool)
    },
  )
}

function registerAction(pool: Command, context: Context, { name, about }: { name: string; about: string }): void {
  const command = pool
    .command(name)
    .description(about)
    .argument('<pool>', 'id or name')
    .option('--wait', 'wait until the pool has come to rest')
  if (name === 'deallocate') command.option('--force', 'also machines that are in use')
  addShowOptions(command, FIELDS).action(async (wanted: string, options: ActionOptions, leaf: Command) => {
    const api = connect(context, leaf)
    const path = await pathOf(api, wanted)
    const body = { [name]: name === 'deallocate' ? { force: options.force === true } : null }
    const answer = await api.post<{ minion_pool: MinionPool }>(`${path}/actions`, body)
    const { restOfPool } = await import('../watch/pool-rest.ts')
    const shown = options.wait === true ? await restOfPool(context, api, path) : answer.minion_pool
    await printOne(context.stdout, options, FIELDS, shown)
  })
}

function addPoolOptions(command: Command): Command {
  command
    .option('--notes <text>', 'what it is for')
    .option('--minimum-minions <count>', 'machines that are always there', wholeNumber)
    .option('--maximum-minions <count>', 'machines that there may be', wholeNumber)
    .option('--minion-max-idle-time <seconds>', 'how long a machine above the minimum may idle', wholeNumber)
    .addOption(new Option('--minion-retention-strategy <strategy>', 'what is done with an idle machine').choices(['delete', 'poweroff']))
  return addJsonOption(command, 'environment-options', 'settings of the minions, as the platform wants them')
}

function osTypeOption(): Option {
  return new Option('--os-type <os>', 'OS of its minions').choices(['linux', 'windows'])
}

function poolFields(options: PoolOptions): object {
  return {
    os_type: options.osType,
    minimum_minions: options.minimumMinions,
    maximum_minions: options.maximumMinions,
    minion_max_idle_time: options.minionMaxIdleTime,
    ...(options.minionRetentionStrategy === undefined ? {} : { minion_retention_strategy: options.minionRetentionStrategy }),
    notes: options.notes,
  }
}
