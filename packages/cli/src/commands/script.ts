import { Option, type Command } from 'commander'
import type { Context } from '../context.ts'

/** `instar script log`. */
export function registerScript(program: Command, context: Context): void {
  program
    .command('script')
    .description('What scripts of earlier runs printed.')
    .command('log')
    .description('The output of the scripts of a run; of one script when it is named.')
    .argument('<run>', 'id of the run, the beginning of one, or "last"')
    .argument('[script]', 'name of a script')
    .addOption(new Option('--stream <stream>', 'only this stream, as it came, without headings').choices(['stdout', 'stderr']))
    .action(async (id: string, script: string | undefined, options: { stream?: 'stdout' | 'stderr' }) => {
      const { showScriptLog } = await import('../runs/script-log.ts')
      await showScriptLog(context, { id, ...(script === undefined ? {} : { script }), ...options })
    })
}
