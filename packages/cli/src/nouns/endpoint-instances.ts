import type { Command } from 'commander'
import type { Instance, InstanceList, InstanceSummary } from '@instar/contract/api'
import { wholeNumber } from '../commands/options.ts'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addListOptions, addShowOptions, type ListOptions, type OutputOptions } from '../output/options.ts'
import { printList, printOne } from '../output/print.ts'
import { connect } from '../service/connect.ts'
import { endpointId } from '../service/look-up.ts'
import { addEnvironment, base64, envQuery } from './endpoint-environment.ts'

const INSTANCE_COLUMNS: readonly Column<InstanceSummary>[] = [
  { name: 'ID', of: row => row.id },
  { name: 'Name', of: row => row.name },
  { name: 'Flavor', of: row => row.flavor_name },
  { name: 'Memory MB', of: row => row.memory_mb },
  { name: 'Cores', of: row => row.num_cpu },
  { name: 'OS Type', of: row => row.os_type },
]

const INSTANCE_FIELDS: readonly Column<Instance>[] = [
  { name: 'ID', of: one => one.id },
  { name: 'Name', of: one => one.name },
  { name: 'Instance name', of: one => one.instance_name },
  ...INSTANCE_COLUMNS.slice(2),
  { name: 'Firmware Type', of: one => one.firmware_type },
  { name: 'Controllers', of: one => one.devices.controllers },
  { name: 'Disks', of: one => one.devices.disks },
  { name: 'Network Interfaces', of: one => one.devices.nics },
  { name: 'CDRoms', of: one => one.devices.cdroms },
  { name: 'Floppies', of: one => one.devices.floppies },
  { name: 'Serial Ports', of: one => one.devices.serial_ports },
]

interface InstanceListOptions extends ListOptions {
  readonly marker?: string
  readonly limit?: number
  readonly name?: string
  readonly refresh?: boolean
}

/** `instar endpoint instance ...`. */
export function registerEndpointInstances(noun: Command, context: Context): void {
  const instance = noun.command('instance').description('Machines of the platform.')
  const list = instance
    .command('list')
    .description('The machines that the platform has.')
    .argument('<endpoint>', 'id or name')
    .option('--marker <id>', 'begin behind this machine')
    .option('--limit <count>', 'at most so many', wholeNumber)
    .option('--name <pattern>', 'only machines whose name fits')
    .option('--refresh', 'ask the platform anew where the provider keeps a list')
  addListOptions(addEnvironment(list), INSTANCE_COLUMNS).action(async (wanted: string, options: InstanceListOptions, command: Command) => {
    const api = connect(context, command)
    const { marker, limit, name, refresh } = options
    const query = { marker, limit, name, ...(refresh === true ? { refresh: 'True' } : {}), ...(await envQuery(command)) }
    const { instances, warnings = [] } = await api.get<InstanceList>(`endpoints/${await endpointId(api, wanted)}/instances`, query)
    for (const warning of warnings) context.stderr.write(`! ${warning}\n`)
    await printList(context.stdout, options, INSTANCE_COLUMNS, instances)
  })
  const show = instance
    .command('show')
    .description('One machine with its devices.')
    .argument('<endpoint>', 'id or name')
    .argument('<instance>', 'machine, as the list names it')
  addShowOptions(addEnvironment(show), INSTANCE_FIELDS).action(
    async (wanted: string, machine: string, options: OutputOptions, command: Command) => {
      const api = connect(context, command)
      const path = `endpoints/${await endpointId(api, wanted)}/instances/${base64(machine)}`
      const answer = await api.get<{ instance: Instance }>(path, await envQuery(command))
      await printOne(context.stdout, options, INSTANCE_FIELDS, answer.instance)
    },
  )
}
