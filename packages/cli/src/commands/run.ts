import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { jsonOption } from './options.ts'

/** `instar run list|show|discard`. */
export function registerRun(program: Command, context: Context): void {
  const run = program.command('run').description('Records of earlier runs.')
  run
    .command('list')
    .description('All runs of this machine, the newest first.')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      const { listRuns } = await import('../runs/show.ts')
      await listRuns(context, options.json === true)
    })
  run
    .command('show')
    .description('One run: how it ended, why, and what every script did.')
    .argument('<run>', 'id of the run, the beginning of one, or "last"')
    .addOption(jsonOption())
    .action(async (id: string, options: { json?: boolean }) => {
      const { showRun } = await import('../runs/show.ts')
      await showRun(context, id, options.json === true)
    })
  run
    .command('discard')
    .description('Removes the work that failed runs kept (--keep-on-error). Nothing else does but a --resume that succeeds.')
    .argument('<run...>', 'ids of the runs, the beginnings of them, or "last"')
    .action(async (ids: string[]) => {
      const { discardRuns } = await import('../kept/discard.ts')
      await discardRuns(context, ids)
    })
}
