import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import type { JsonObject } from '../output/json-option.ts'
import { addListOptions, type ListOptions } from '../output/options.ts'
import { printList } from '../output/print.ts'
import { connect } from '../service/connect.ts'
import { readText } from '../service/http.ts'
import { endpointId } from '../service/look-up.ts'
import { addEnvironment, base64, envQuery } from './endpoint-environment.ts'
import { registerEndpointInstances } from './endpoint-instances.ts'
import { validateConnection } from './validate-connection.ts'

interface Place {
  readonly id: string
  readonly name: string
  readonly additional_provider_properties?: JsonObject
}

const NETWORK_COLUMNS: readonly Column<Place>[] = [
  { name: 'ID', of: row => row.id },
  { name: 'Name', of: row => row.name },
]
const STORAGE_COLUMNS: readonly Column<Place>[] = [
  ...NETWORK_COLUMNS,
  { name: 'Additional Properties', of: row => row.additional_provider_properties },
]

interface PlatformOption {
  readonly name: string
  readonly values?: readonly unknown[]
  readonly config_default?: unknown
}

const OPTION_COLUMNS: readonly Column<PlatformOption>[] = [
  { name: 'Option Name', of: row => row.name },
  { name: 'Possible Values', of: row => row.values },
  { name: 'Configuration Default', of: row => row.config_default },
]

/** What an endpoint's platform tells through its provider: machines, networks, storage, options, an inventory. */
export function registerEndpointParts(noun: Command, context: Context): void {
  noun
    .command('validate')
    .description('Tries what is stored.')
    .command('connection')
    .description('Tries the connection; exit code 1 when it does not work.')
    .argument('<endpoint>', 'id or name')
    .action(async (wanted: string, _options: object, command: Command) => {
      const api = connect(context, command)
      await validateConnection(api, { id: await endpointId(api, wanted), name: wanted })
      context.stdout.write('valid\n')
    })
  registerInventory(noun, context)
  registerEndpointInstances(noun, context)
  registerPlaces(noun, context)
  for (const side of ['source', 'destination'] as const) registerOptions(noun, context, side)
}

function registerInventory(noun: Command, context: Context): void {
  const inventory = noun
    .command('export')
    .description('Writes what the platform holds.')
    .command('inventory')
    .description('The machines of the platform as CSV.')
    .argument('<endpoint>', 'id or name')
    .option('--output-file <file>', 'write it there (default: print it)')
  addEnvironment(inventory).action(async (wanted: string, options: { outputFile?: string }, command: Command) => {
    const api = connect(context, command)
    const path = `endpoints/${await endpointId(api, wanted)}/inventory`
    const text = await readText(await api.open('GET', path, { query: await envQuery(command), headers: { accept: 'text/csv' } }))
    if (options.outputFile === undefined) return context.stdout.write(text)
    await writeFile(options.outputFile, text)
    context.stdout.write(`Inventory written to ${options.outputFile}\n`)
  })
}

function registerPlaces(noun: Command, context: Context): void {
  const networks = noun
    .command('network')
    .description('Networks of the platform.')
    .command('list')
    .description('The networks of the platform.')
  addListOptions(addEnvironment(networks.argument('<endpoint>', 'id or name')), NETWORK_COLUMNS).action(
    async (wanted: string, options: ListOptions, command: Command) => {
      const api = connect(context, command)
      const path = `endpoints/${await endpointId(api, wanted)}/networks`
      const answer = await api.get<{ networks: Place[] }>(path, await envQuery(command))
      await printList(context.stdout, options, NETWORK_COLUMNS, answer.networks)
    },
  )
  const storage = noun
    .command('storage')
    .description('Storage of the platform.')
    .command('list')
    .description('The places where disks can be.')
  addListOptions(addEnvironment(storage.argument('<endpoint>', 'id or name')), STORAGE_COLUMNS).action(
    async (wanted: string, options: ListOptions, command: Command) => {
      const api = connect(context, command)
      const path = `endpoints/${await endpointId(api, wanted)}/storage`
      const answer = await api.get<{ storage: { storage_backends: Place[] } }>(path, await envQuery(command))
      await printList(context.stdout, options, STORAGE_COLUMNS, answer.storage.storage_backends)
    },
  )
}

/** `source options list` and `source minion pool options list`, the same for destination. */
function registerOptions(noun: Command, context: Context, side: 'source' | 'destination'): void {
  const parent = noun.command(side).description(`Settings that the platform offers as a ${side}.`)
  const pool = parent.command('minion').description('Settings of minions.').command('pool').description('Settings of minion pools.')
  for (const [group, path] of [
    [parent, `${side}-options`],
    [pool, `${side}-minion-pool-options`],
  ] as const) {
    const list = group
      .command('options')
      .description('Settings and their values.')
      .command('list')
      .description(
        `The settings of ${path === `${side}-options` ? `the ${side} environment` : 'minion pools'} with the values the platform offers.`,
      )
      .argument('<endpoint>', 'id or name')
      .option('--options <name...>', 'only these settings')
    addListOptions(addEnvironment(list), OPTION_COLUMNS).action(
      async (wanted: string, options: ListOptions & { options?: string[] }, command: Command) => {
        const api = connect(context, command)
        const names = options.options === undefined ? {} : { options: base64(JSON.stringify(options.options)) }
        const query = { ...(await envQuery(command)), ...names }
        const answer = await api.get<Record<string, PlatformOption[]>>(`endpoints/${await endpointId(api, wanted)}/${path}`, query)
        await printList(context.stdout, options, OPTION_COLUMNS, answer[path.replaceAll('-', '_')] ?? [])
      },
    )
  }
}
