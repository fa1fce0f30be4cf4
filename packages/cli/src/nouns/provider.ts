import { Argument, type Command } from 'commander'
import { CAPABILITY_NAMES } from '@instar/contract/capabilities'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addListOptions, type ListOptions } from '../output/options.ts'
import { printList } from '../output/print.ts'
import { connect } from '../service/connect.ts'
import { addListVerb } from './verbs.ts'

const SCHEMA_TYPES: Readonly<Record<string, number>> = {
  connection: 16,
  destination: 4,
  source: 8,
  source_minion_pool: 524288,
  destination_minion_pool: 1048576,
}

interface Platform {
  readonly name: string
  readonly types: readonly number[]
}

const COLUMNS: readonly Column<Platform>[] = [
  { name: 'Platform', of: row => row.name },
  { name: 'Supported Actions', of: row => row.types.flatMap(type => CAPABILITY_NAMES[type] ?? []) },
]

const SCHEMA_COLUMNS: readonly Column<readonly [string, unknown]>[] = [
  { name: 'Schema Type', of: ([name]) => name },
  { name: 'Schema', of: ([, schema]) => schema },
]

/** `instar provider ...`. */
export function register(noun: Command, context: Context): void {
  addListVerb(noun, context, {
    about: 'The platforms that workers can reach, and what can be done with each.',
    columns: COLUMNS,
    read: async api => {
      const { providers } = await api.get<{ providers: Record<string, { types: number[] }> }>('providers')
      return Object.entries(providers).map(([name, { types }]) => ({ name, types }))
    },
  })
  const list = noun
    .command('schema')
    .description('What a platform wants to be told.')
    .command('list')
    .description('The JSON Schema of connection data or of an environment.')
    .argument('<platform>', 'see instar provider list')
    .addArgument(new Argument('<type>', 'of what').choices(Object.keys(SCHEMA_TYPES)))
  addListOptions(list, SCHEMA_COLUMNS).action(async (platform: string, type: string, options: ListOptions, command: Command) => {
    const path = `providers/${encodeURIComponent(platform)}/schemas/${SCHEMA_TYPES[type]}`
    const { schemas } = await connect(context, command).get<{ schemas: Record<string, unknown> }>(path)
    await printList(context.stdout, options, SCHEMA_COLUMNS, Object.entries(schemas))
  })
}
