import { Option, type Command } from 'commander'
import type { Execution } from '@instar/contract/api'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import type { OutputOptions } from '../output/options.ts'
import { printOne } from '../output/print.ts'
import type { Api } from '../service/api.ts'

export interface WaitOptions extends OutputOptions {
  readonly wait?: boolean
  readonly follow?: boolean
}

const GROUP = 'Waiting:'

export function addWaitOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--wait', 'wait until it has ended; exit code 1 when it failed, 4 when a script did, 5 at a time limit').helpGroup(GROUP),
    )
    .addOption(new Option('--follow', 'as --wait, and show what its tasks say and its scripts print').helpGroup(GROUP))
}

interface Shown {
  readonly options: WaitOptions
  readonly execution: Execution
  readonly fields: readonly Column<Execution>[]
}

/** Prints an execution, after its end where that is waited for; gives the exit code. */
export async function showExecution(context: Context, api: Api, { options, execution, fields }: Shown): Promise<number> {
  if (options.wait !== true && options.follow !== true) {
    await printOne(context.stdout, options, fields, execution)
    return 0
  }
  const { watch } = await import('../watch/watch.ts')
  const path = `transfers/${execution.action_id}/executions/${execution.id}`
  const watched = {
    name: `execution ${execution.number} of transfer ${execution.action_id}`,
    read: async () => (await api.get<{ execution: Execution }>(path)).execution,
    scripts: `executions/${execution.id}/script-runs`,
    logCommand: `instar script log ${execution.id}`,
    watchCommand: `instar transfer execution show ${execution.action_id} ${execution.id} --follow`,
    cancelCommand: `instar transfer execution cancel ${execution.action_id} ${execution.id}`,
  }
  const last = await watch(context, api, watched, { follow: options.follow === true, quiet: options.quiet === true })
  await printOne(context.stdout, options, fields, last)
  return 0
}
