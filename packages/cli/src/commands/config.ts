import type { Command } from 'commander'
import { COLUMNS } from '../config/setting-columns.ts'
import type { Context } from '../context.ts'
import { addListOptions, type ListOptions } from '../output/options.ts'

/** `instar config check|show`. */
export function registerConfig(program: Command, context: Context): void {
  const config = program.command('config').description('The configuration of the service: a YAML file, the environment, flags.')
  config
    .command('check')
    .description('Tells all that is wrong with the configuration; exit code 3 when anything is.')
    .option('--config <file>', 'file to check (default: INSTAR_CONFIG, else /etc/instar/config.yaml or ~/.config/instar/config.yaml)')
    .action(async (options: { config?: string }) => {
      const { checkConfig } = await import('../config/show-config.ts')
      await checkConfig(context, options.config)
    })
  const show = config
    .command('show')
    .description('Every setting, its value and where that comes from. Secrets are not shown.')
    .option('--config <file>', 'file to read (default: as for config check)')
  addListOptions(show, COLUMNS).action(async (options: ListOptions & { config?: string }) => {
    const { showConfig } = await import('../config/show-config.ts')
    await showConfig(context, options)
  })
}
