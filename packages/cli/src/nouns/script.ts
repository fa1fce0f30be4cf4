import { Option, type Command } from 'commander'
import type { ExecutionScriptRun } from '@instar/contract/api'
import { InstarError } from '@instar/contract/errors'
import { formatDuration } from '@instar/phases/text'
import type { Context } from '../context.ts'
import type { Column } from '../output/column.ts'
import { addListOptions, type ListOptions } from '../output/options.ts'
import { printList } from '../output/print.ts'
import { endOf } from '../runs/script-end.ts'
import { connect, namesService } from '../service/connect.ts'
import { isId, runnerId } from '../service/look-up.ts'

const COLUMNS: readonly Column<ExecutionScriptRun>[] = [
  { name: 'ID', of: row => row.id },
  { name: 'Instance', of: row => row.instance },
  { name: 'Phase', of: row => row.phase },
  { name: 'Order', of: row => row.order },
  { name: 'Script', of: row => row.name },
  { name: 'Source', of: row => row.source },
  { name: 'Attempt', of: row => row.attempt },
  { name: 'Ended', of: endOf },
  {
    name: 'Took',
    of: row => (row.ended_at === null ? null : (Date.parse(row.ended_at) - Date.parse(row.started_at)) / 1000),
    text: row => (row.ended_at === null ? '' : formatDuration(Date.parse(row.ended_at) - Date.parse(row.started_at))),
  },
  { name: 'Stdout Bytes', of: row => row.stdout_bytes },
  { name: 'Stderr Bytes', of: row => row.stderr_bytes },
]

interface LogOptions {
  readonly stream?: 'stdout' | 'stderr'
  readonly follow?: boolean
}

/** `instar script list|log`: of runs on this machine, and of executions and deployments of the service. */
export function register(noun: Command, context: Context): void {
  const list = noun
    .command('list')
    .description('The scripts that an execution or deployment of the service ran: each attempt, how it ended, how much it printed.')
    .argument('<execution>', 'id of an execution or deployment, the beginning of one, or notes; or id of a script run')
  addListOptions(list, COLUMNS).action(async (id: string, options: ListOptions, command: Command) => {
    const { runsOf } = await import('../service/script-runs.ts')
    const api = connect(context, command)
    await printList(context.stdout, options, COLUMNS, await runsOf(api, await runnerId(api, id)))
  })
  noun
    .command('log')
    .description('The output of the scripts of a run, execution or deployment; of one script when it is named.')
    .argument('<run>', 'run of this machine (its id, the beginning of one, "last"), else as for script list')
    .argument('[script]', 'name of a script')
    .addOption(new Option('--stream <stream>', 'only this stream, as it came, without headings').choices(['stdout', 'stderr']))
    .option('--follow', 'of the service: also scripts that begin later, as they print, until the execution or deployment has ended')
    .action(async (id: string, script: string | undefined, { follow, ...options }: LogOptions, command: Command) => {
      const wanted = { id, ...(script === undefined ? {} : { script }), ...options }
      if (await isOfThisMachine(context, command, id)) {
        if (follow === true) throw notFollowed(id)
        const { showScriptLog } = await import('../runs/script-log.ts')
        return showScriptLog(context, wanted)
      }
      const api = connect(context, command)
      const found = { ...wanted, id: await runnerId(api, id) }
      if (follow === true) {
        const { followLog } = await import('../watch/follow-log.ts')
        return followLog(context, api, found)
      }
      const { showServiceLog } = await import('../service/script-runs.ts')
      return showServiceLog(context, api, found)
    })
}

/** A name that is not the id of anything in the service is first looked for here, and only here where no service is named. */
async function isOfThisMachine(context: Context, command: Command, name: string): Promise<boolean> {
  if (isId(name)) return false
  const { RunStore } = await import('../runs/run-store.ts')
  return (await new RunStore(context.paths.stateDir).has(name)) || !namesService(context, command)
}

function notFollowed(id: string): InstarError {
  return new InstarError('usage.bad-argument', `--follow is about what the service runs, and "${id}" is of this machine`, {
    hint: 'A morph of this machine shows what its scripts print while it runs.',
  })
}
