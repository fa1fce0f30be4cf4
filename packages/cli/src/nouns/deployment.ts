import type { Command } from 'commander'
import type { Deployment } from '@instar/contract/api'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addShowOptions, type OutputOptions } from '../output/options.ts'
import { printOne } from '../output/print.ts'
import { addDiskOptions, addUserScriptOptions } from '../service/action-options.ts'
import type { Api } from '../service/api.ts'
import { connect } from '../service/connect.ts'
import { deploymentBody, type DeployOptions } from '../service/deployment-body.ts'
import { deploymentId, transferId } from '../service/look-up.ts'
import { HEAD_FIELDS, PLACE_FIELDS } from './action-fields.ts'
import { taskLines } from './execution-fields.ts'
import { addPagedOptions, pagedQuery, printPaged, type PagedOptions } from './paged-list.ts'
import { registerDeploymentPlan } from './plan-verb.ts'
import { addDeleteVerb } from './verbs.ts'
import { addWaitOptions, type WaitOptions } from './wait-options.ts'

const COLUMNS: readonly Column<Deployment>[] = [
  { name: 'ID', of: row => row.id },
  { name: 'Transfer ID', of: row => row.transfer_id },
  { name: 'Status', of: row => row.last_execution_status },
  { name: 'Instances', of: row => row.instances },
  { name: 'Notes', of: row => row.notes },
  { name: 'Created', of: row => row.created_at },
]

const FIELDS: readonly Column<Deployment>[] = [
  { name: 'id', of: one => one.id },
  { name: 'status', of: one => one.last_execution_status },
  { name: 'created', of: one => one.created_at },
  { name: 'last_updated', of: one => one.updated_at },
  { name: 'transfer_id', of: one => one.transfer_id },
  { name: 'transfer_scenario_type', of: one => one.transfer_scenario_type },
  ...HEAD_FIELDS,
  { name: 'shutdown_instances', of: one => one.shutdown_instances },
  ...PLACE_FIELDS,
  { name: 'tasks', of: one => one.tasks ?? [], text: one => taskLines(one.tasks ?? []) },
  { name: 'transfer_result', of: one => one.transfer_result },
]
const DATA_FIELD: Column<Deployment> = { name: 'instances_data', of: one => one.info }

interface DataOptions {
  readonly showInstancesData?: boolean
}

const fieldsOf = ({ showInstancesData }: DataOptions) => (showInstancesData === true ? [...FIELDS, DATA_FIELD] : FIELDS)

const pathOf = async (api: Api, wanted: string) => `deployments/${await deploymentId(api, wanted)}`

/** `instar deployment ...`. */
export function register(noun: Command, context: Context, finish: (exitCode: number) => void): void {
  addPagedOptions(noun.command('list').description('The deployments of the project.'), COLUMNS).action(
    async (options: PagedOptions, command: Command) => {
      const { deployments } = await connect(context, command).get<{ deployments: Deployment[] }>('deployments', pagedQuery(options))
      await printPaged(context, options, COLUMNS, deployments)
    },
  )
  registerShow(noun, context, finish)
  registerCreate(noun, context, finish)
  noun
    .command('cancel')
    .description('Asks a deployment to stop; its clean-up still runs.')
    .argument('<deployment>', 'id or notes')
    .option('--force', 'end what runs at once')
    .action(async (wanted: string, options: { force?: boolean }, command: Command) => {
      const api = connect(context, command)
      await api.post(`${await pathOf(api, wanted)}/actions`, { cancel: { force: options.force === true } })
    })
  addDeleteVerb(noun, context, {
    about: 'Deletes the record of a deployment that has ended, not the machine.',
    argument: ['deployment', 'id or notes'],
    path: pathOf,
  })
  registerDeploymentPlan(noun, context)
}

function registerShow(noun: Command, context: Context, finish: (exitCode: number) => void): void {
  const show = noun
    .command('show')
    .description('One deployment with its tasks and what became of the machines.')
    .argument('<deployment>', 'id or notes')
    .option('--show-instances-data', 'also what is known of each machine')
  addShowOptions(addWaitOptions(show), () => fieldsOf(show.opts())).action(
    async (wanted: string, options: WaitOptions & DataOptions, command: Command) => {
      const api = connect(context, command)
      const { deployment } = await api.get<{ deployment: Deployment }>(
        await pathOf(api, wanted),
        options.showInstancesData === true ? { include_task_info: 'true' } : {},
      )
      finish(await showDeployment(context, api, { options, deployment, fields: fieldsOf(options) }))
    },
  )
}

function registerCreate(noun: Command, context: Context, finish: (exitCode: number) => void): void {
  const create = noun
    .command('create')
    .description(
      "Makes bootable machines of a transfer's copied disks, and runs the scripts. What no option says is taken from the transfer, its scripts too.",
    )
    .argument('[transfer]', 'id or notes; may stand in the --file as transfer_id')
    .option('--file <file>', 'a deployment in YAML or JSON, with the keys of the API; options stand above it')
    .option('--force', 'although no execution has completed')
    .option('--no-user-scripts', 'run no scripts, not even those of the transfer')
    .option('--resume-from <deployment>', 'go on with a failed deployment from the script that failed')
  addShowOptions(addWaitOptions(addUserScriptOptions(addDiskOptions(create))), FIELDS).action(
    async (transfer: string | undefined, options: DeployOptions & WaitOptions, command: Command) => {
      const api = connect(context, command)
      const { deployment } = await api.post<{ deployment: Deployment }>('deployments', {
        deployment: await deploymentBody(api, transfer, options, async wanted => transferId(api, wanted)),
      })
      finish(await showDeployment(context, api, { options, deployment, fields: FIELDS }))
    },
  )
}

interface Shown {
  readonly options: OutputOptions & WaitOptions
  readonly deployment: Deployment
  readonly fields: readonly Column<Deployment>[]
}

/** Prints a deployment, after its end where that is waited for; gives the exit code. */
async function showDeployment(context: Context, api: Api, { options, deployment, fields }: Shown): Promise<number> {
  if (options.wait !== true && options.follow !== true) {
    await printOne(context.stdout, options, fields, deployment)
    return 0
  }
  const { watch } = await import('../watch/watch.ts')
  const { id } = deployment
  const watched = {
    name: `deployment ${id}`,
    read: async () => {
      const { deployment: now } = await api.get<{ deployment: Deployment }>(`deployments/${id}`)
      return { status: now.last_execution_status, tasks: now.tasks ?? [], deployment: now }
    },
    scripts: `deployments/${id}/script-runs`,
    logCommand: `instar script log ${id}`,
    watchCommand: `instar deployment show ${id} --follow`,
    cancelCommand: `instar deployment cancel ${id}`,
  }
  const last = await watch(context, api, watched, { follow: options.follow === true, quiet: options.quiet === true })
  await printOne(context.stdout, options, fields, last.deployment)
  return 0
}
