import type { Command } from 'commander'
import type { Diagnostics } from '@instar/contract/api'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addListOptions, type ListOptions } from '../output/options.ts'
import { printList } from '../output/print.ts'
import { connect } from '../service/connect.ts'

const COLUMNS: readonly Column<Diagnostics>[] = [
  { name: 'Application', of: row => row.application },
  { name: 'Hostname', of: row => row.hostname },
  { name: 'IP addresses', of: row => row.ip_addresses },
  { name: 'Packages', of: row => row.packages },
  { name: 'OS info', of: row => row.os_info },
]

/** `instar diagnostics get`. */
export function register(noun: Command, context: Context): void {
  const get = noun.command('get').description('Hosts, addresses, systems and versions of the processes of the service.')
  addListOptions(get, COLUMNS).action(async (options: ListOptions, command: Command) => {
    const { diagnostics } = await connect(context, command).get<{ diagnostics: Diagnostics[] }>('diagnostics')
    await printList(context.stdout, options, COLUMNS, diagnostics)
  })
}
