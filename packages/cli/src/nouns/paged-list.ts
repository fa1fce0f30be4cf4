import { Option, type Command } from 'commander'
import type { ExecutionStatus } from '@instar/contract/api'
import { wholeNumber } from '../commands/options.ts'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addShowOptions, type OutputOptions } from '../output/options.ts'
import { printList } from '../output/print.ts'
import { parseSort } from '../output/sort.ts'

/** Options of the lists that the service pages, sorts and filters: transfers, deployments, executions. */
export interface PagedOptions extends OutputOptions {
  readonly marker?: string
  readonly limit?: number
  readonly sort?: string
  readonly status?: string
}

const STATUSES: readonly ExecutionStatus[] = [
  'RUNNING',
  'CANCELLING',
  'AWAITING_MINION_ALLOCATIONS',
  'COMPLETED',
  'CANCELED',
  'ERROR',
  'DEADLOCKED',
  'CANCELED_FOR_DEBUGGING',
  'ERROR_ALLOCATING_MINIONS',
  'UNEXECUTED',
  'PENDING',
]

export function addPagedOptions<T>(command: Command, columns: readonly Column<T>[]): Command {
  return addShowOptions(command, columns)
    .hook('preAction', () => void pagedQuery(command.opts<PagedOptions>()))
    .option('--marker <id>', 'begin behind this one')
    .option('--limit <count>', 'at most so many', wholeNumber)
    .option('--sort <key[:asc|desc],...>', 'order by these keys of the API (default: the newest last)')
    .addOption(new Option('--status <status>', 'only those in this status').choices(STATUSES))
}

export function pagedQuery({ marker, limit, sort, status }: PagedOptions): Record<string, string | number | readonly string[] | undefined> {
  const keys = sort === undefined ? [] : parseSort(sort, 'desc')
  return { marker, limit, sort_key: keys.map(({ key }) => key), sort_dir: keys.map(({ direction }) => direction), status }
}

/** In the order that was asked for; else the newest last, where the eye is. */
export async function printPaged<T extends { readonly created_at: string }>(
  context: Context,
  options: PagedOptions,
  columns: readonly Column<T>[],
  items: readonly T[],
): Promise<void> {
  const { sort, ...rest } = options
  const shown =
    sort === undefined ? items.toSorted((a, b) => (a.created_at < b.created_at ? -1 : a.created_at > b.created_at ? 1 : 0)) : items
  await printList(context.stdout, rest, columns, shown)
}
