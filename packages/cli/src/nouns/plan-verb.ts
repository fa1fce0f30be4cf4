import type { Command } from 'commander'
import type { ScriptPlan } from '@instar/contract/api'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addListOptions, type ListOptions } from '../output/options.ts'
import { printList } from '../output/print.ts'
import type { Api } from '../service/api.ts'
import { connect } from '../service/connect.ts'
import { deploymentId, transferId } from '../service/look-up.ts'

interface Row {
  readonly instance: string
  readonly script: ScriptPlan['instances'][number]['run'][number]
  readonly reason: string | null
}

const COLUMNS: readonly Column<Row>[] = [
  { name: 'Instance', of: row => row.instance },
  { name: 'Phase', of: row => row.script.phase },
  { name: 'Order', of: row => (row.reason === null ? row.script.order : null) },
  { name: 'Script', of: row => row.script.name },
  { name: 'Source', of: row => row.script.source },
  { name: 'Runs', of: row => row.reason === null },
  { name: 'Why Not', of: row => row.reason },
]

/** `instar transfer plan`: which scripts a deployment would run. */
export function registerTransferPlan(noun: Command, context: Context): void {
  addPlan(noun, context, 'transfer', async (api, wanted) => `transfers/${await transferId(api, wanted)}/plan`)
}

/** `instar deployment plan`: which scripts it runs. */
export function registerDeploymentPlan(noun: Command, context: Context): void {
  addPlan(noun, context, 'deployment', async (api, wanted) => `deployments/${await deploymentId(api, wanted)}/plan`)
}

function addPlan(noun: Command, context: Context, kind: string, pathOf: (api: Api, wanted: string) => Promise<string>): void {
  const plan = noun
    .command('plan')
    .description('Which scripts run on which machine, in which order, and which do not, with the reason.')
    .argument(`<${kind}>`, 'id or notes')
  addListOptions(plan, COLUMNS).action(async (wanted: string, options: ListOptions, command: Command) => {
    const api = connect(context, command)
    const answer = await api.get<{ plan: ScriptPlan }>(await api.ownPath(await pathOf(api, wanted)))
    const rows = answer.plan.instances.flatMap(({ instance, run, not_run }) => [
      ...run.map(script => ({ instance, script, reason: null })),
      ...not_run.map(({ script, reason }) => ({ instance, script, reason })),
    ])
    await printList(context.stdout, options, COLUMNS, rows)
  })
}
