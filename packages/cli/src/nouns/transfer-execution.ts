import type { Command } from 'commander'
import type { Execution } from '@instar/contract/api'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addShowOptions } from '../output/options.ts'
import type { Api } from '../service/api.ts'
import { connect } from '../service/connect.ts'
import { executionId, transferId } from '../service/look-up.ts'
import { EXECUTION_FIELDS } from './execution-fields.ts'
import { addPagedOptions, pagedQuery, printPaged, type PagedOptions } from './paged-list.ts'
import { addWaitOptions, showExecution, type WaitOptions } from './wait-options.ts'

const COLUMNS: readonly Column<Execution>[] = [
  { name: 'Transfer ID', of: row => row.action_id },
  { name: 'ID', of: row => row.id },
  { name: 'Number', of: row => row.number },
  { name: 'Type', of: row => row.type },
  { name: 'Status', of: row => row.status },
  { name: 'Created', of: row => row.created_at },
]

const TRANSFER = ['<transfer>', 'id or notes of the transfer'] as const
const EXECUTION = ['<execution>', 'id, number or "last"'] as const

/** `instar transfer execute` and `instar transfer execution ...`. */
export function registerTransferExecutions(noun: Command, context: Context, finish: (exitCode: number) => void): void {
  registerExecute(noun, context, finish)
  const execution = noun.command('execution').description('Runs of a transfer.')
  addPagedOptions(
    execution
      .command('list')
      .description('The executions of a transfer.')
      .argument(...TRANSFER),
    COLUMNS,
  ).action(async (wanted: string, options: PagedOptions, command: Command) => {
    const api = connect(context, command)
    const path = `transfers/${await transferId(api, wanted)}/executions`
    const { executions } = await api.get<{ executions: Execution[] }>(path, pagedQuery(options))
    await printPaged(context, options, COLUMNS, executions)
  })
  const show = execution
    .command('show')
    .description('One execution with its tasks.')
    .argument(...TRANSFER)
    .argument(...EXECUTION)
  addShowOptions(addWaitOptions(show), EXECUTION_FIELDS).action(
    async (transfer: string, wanted: string, options: WaitOptions, command: Command) => {
      const api = connect(context, command)
      const answer = await api.get<{ execution: Execution }>(await pathOf(api, transfer, wanted))
      finish(await showExecution(context, api, { options, execution: answer.execution, fields: EXECUTION_FIELDS }))
    },
  )
  execution
    .command('cancel')
    .description('Asks an execution to stop; its clean-up still runs.')
    .argument(...TRANSFER)
    .argument(...EXECUTION)
    .option('--force', 'end what runs at once')
    .action(async (transfer: string, wanted: string, options: { force?: boolean }, command: Command) => {
      const api = connect(context, command)
      await api.post(`${await pathOf(api, transfer, wanted)}/actions`, { cancel: { force: options.force === true } })
    })
  execution
    .command('delete')
    .description('Deletes the record of an execution that has ended.')
    .argument(...TRANSFER)
    .argument(...EXECUTION)
    .action(async (transfer: string, wanted: string, _options: object, command: Command) => {
      const api = connect(context, command)
      await api.delete(await pathOf(api, transfer, wanted))
    })
}

function registerExecute(noun: Command, context: Context, finish: (exitCode: number) => void): void {
  const execute = noun
    .command('execute')
    .description('Copies the disks: in full the first time, then what changed.')
    .argument(...TRANSFER)
    .option('--shutdown-instances', 'shut the machines down before the copy')
    .option('--auto-deploy', 'deploy them when the copy is done')
  addShowOptions(addWaitOptions(execute), EXECUTION_FIELDS).action(
    async (wanted: string, options: WaitOptions & { shutdownInstances?: boolean; autoDeploy?: boolean }, command: Command) => {
      const api = connect(context, command)
      const path = `transfers/${await transferId(api, wanted)}/executions`
      const body = { execution: { shutdown_instances: options.shutdownInstances === true, auto_deploy: options.autoDeploy === true } }
      const { execution } = await api.post<{ execution: Execution }>(path, body)
      finish(await showExecution(context, api, { options, execution, fields: EXECUTION_FIELDS }))
    },
  )
}

async function pathOf(api: Api, transfer: string, execution: string): Promise<string> {
  const id = await transferId(api, transfer)
  return `transfers/${id}/executions/${await executionId(api, id, execution)}`
}
