import { Option, type Command } from 'commander'
import type { Execution, Transfer } from '@instar/contract/api'
import { repeatable } from '../commands/options.ts'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addShowOptions, type OutputOptions } from '../output/options.ts'
import { printOne } from '../output/print.ts'
import { addDiskOptions, addPlaceOptions, addUserScriptOptions } from '../service/action-options.ts'
import { connect } from '../service/connect.ts'
import { transferId } from '../service/look-up.ts'
import { createBody, updateBody, type CreateOptions, type UpdateOptions } from '../service/transfer-body.ts'
import { HEAD_FIELDS, PLACE_FIELDS } from './action-fields.ts'
import { EXECUTION_FIELDS } from './execution-fields.ts'
import { addPagedOptions, pagedQuery, printPaged, type PagedOptions } from './paged-list.ts'
import { registerTransferExecutions } from './transfer-execution.ts'
import { registerTransferPlan } from './plan-verb.ts'
import { registerTransferSchedules } from './transfer-schedule.ts'
import { addDeleteVerb } from './verbs.ts'
import { addWaitOptions, showExecution, type WaitOptions } from './wait-options.ts'

const COLUMNS: readonly Column<Transfer>[] = [
  { name: 'ID', of: row => row.id },
  { name: 'Scenario', of: row => row.scenario },
  { name: 'Instances', of: row => row.instances },
  { name: 'Notes', of: row => row.notes },
  { name: 'Last Execution Status', of: row => row.last_execution_status },
  { name: 'Created', of: row => row.created_at },
]

const FIELDS: readonly Column<Transfer>[] = [
  { name: 'id', of: one => one.id },
  { name: 'created', of: one => one.created_at },
  { name: 'last_updated', of: one => one.updated_at },
  { name: 'scenario_type', of: one => one.scenario },
  ...HEAD_FIELDS,
  ...PLACE_FIELDS,
  { name: 'clone_disks', of: one => one.clone_disks },
  { name: 'skip_os_morphing', of: one => one.skip_os_morphing },
  { name: 'executions', of: one => one.executions, text: one => one.executions.map(({ id, status }) => `${id} ${status}`).join('\n') },
]
const DATA_FIELD: Column<Transfer> = { name: 'instances-data', of: one => one.info }

interface DataOptions {
  readonly showInstancesData?: boolean
}

const fieldsOf = ({ showInstancesData }: DataOptions) => (showInstancesData === true ? [...FIELDS, DATA_FIELD] : FIELDS)

const ARGUMENT = ['transfer', 'id or notes'] as const

/** `instar transfer ...`. */
export function register(noun: Command, context: Context, finish: (exitCode: number) => void): void {
  addPagedOptions(noun.command('list').description('The transfers of the project.'), COLUMNS).action(
    async (options: PagedOptions, command: Command) => {
      const { transfers } = await connect(context, command).get<{ transfers: Transfer[] }>('transfers', pagedQuery(options))
      await printPaged(context, options, COLUMNS, transfers)
    },
  )
  registerShow(noun, context)
  registerCreate(noun, context)
  registerUpdate(noun, context, finish)
  addDeleteVerb(noun, context, {
    about: 'Deletes a transfer that is not busy. Its disks at the destination stay: see transfer disks delete.',
    argument: ARGUMENT,
    path: async (api, wanted) => `transfers/${await transferId(api, wanted)}`,
  })
  registerTransferExecutions(noun, context, finish)
  registerTransferSchedules(noun, context)
  registerTransferPlan(noun, context)
  registerDisks(noun, context, finish)
}

function registerShow(noun: Command, context: Context): void {
  const show = noun
    .command('show')
    .description('One transfer with its last ten executions.')
    .argument('<transfer>', 'id or notes')
    .option('--show-instances-data', 'also what is known of each machine')
  addShowOptions(show, () => fieldsOf(show.opts())).action(
    async (wanted: string, options: OutputOptions & DataOptions, command: Command) => {
      const api = connect(context, command)
      const path = `transfers/${await transferId(api, wanted)}`
      const { transfer } = await api.get<{ transfer: Transfer }>(
        path,
        options.showInstancesData === true ? { include_task_info: 'true' } : {},
      )
      const query = { limit: 10, sort_key: 'number', sort_dir: 'desc' }
      const { executions } = await api.get<{ executions: Execution[] }>(`${path}/executions`, query)
      await printOne(context.stdout, options, fieldsOf(options), { ...transfer, executions })
    },
  )
}

function registerCreate(noun: Command, context: Context): void {
  const create = noun
    .command('create')
    .description('Stores which machines are to be copied from where to where, and how. Nothing starts yet: see transfer execute.')
    .option('--file <file>', 'a transfer in YAML or JSON, with the keys of the API; options stand above it')
    .option('--origin-endpoint <endpoint>', 'id or name')
    .option('--destination-endpoint <endpoint>', 'id or name')
    .option('--instance <machine>', 'machine to copy; repeatable', repeatable)
    .addOption(
      new Option('--scenario <scenario>', 'may be deployed again and again, or is meant for once').choices(['replica', 'live_migration']),
    )
  addShowOptions(addUserScriptOptions(addDiskOptions(addPlaceOptions(create))), FIELDS).action(
    async (options: CreateOptions & OutputOptions, command: Command) => {
      const api = connect(context, command)
      const { transfer } = await api.post<{ transfer: Transfer }>('transfers', { transfer: await createBody(api, command, options) })
      await printOne(context.stdout, options, FIELDS, transfer)
    },
  )
}

function registerUpdate(noun: Command, context: Context, finish: (exitCode: number) => void): void {
  const update = noun
    .command('update')
    .description('Starts an execution that changes the transfer; the new values stand when it completed, those of scripts at once.')
    .argument('<transfer>', 'id or notes')
  addShowOptions(addWaitOptions(addUserScriptOptions(addDiskOptions(addPlaceOptions(update)))), EXECUTION_FIELDS).action(
    async (wanted: string, options: UpdateOptions & WaitOptions, command: Command) => {
      const api = connect(context, command)
      const id = await transferId(api, wanted)
      const transfer = await updateBody(api, command, { id, options })
      const { execution } = await api.put<{ execution: Execution }>(`transfers/${id}`, { transfer })
      finish(await showExecution(context, api, { options, execution, fields: EXECUTION_FIELDS }))
    },
  )
}

function registerDisks(noun: Command, context: Context, finish: (exitCode: number) => void): void {
  const remove = noun
    .command('disks')
    .description('Copied disks at the destination.')
    .command('delete')
    .description('Starts an execution that deletes the copied disks of a transfer.')
    .argument('<transfer>', 'id or notes')
  addShowOptions(addWaitOptions(remove), EXECUTION_FIELDS).action(async (wanted: string, options: WaitOptions, command: Command) => {
    const api = connect(context, command)
    const path = `transfers/${await transferId(api, wanted)}/actions`
    const { execution } = await api.post<{ execution: Execution }>(path, { 'delete-disks': null })
    finish(await showExecution(context, api, { options, execution, fields: EXECUTION_FIELDS }))
  })
}
