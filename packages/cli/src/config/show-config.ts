import type { Context } from '../context.ts'
import type { ListOptions } from '../output/options.ts'
import { printList } from '../output/print.ts'
import { usualFile } from './config-file.ts'
import { loadConfig } from './load-config.ts'
import { COLUMNS } from './setting-columns.ts'
import { SETTINGS, type SettingName } from './settings.ts'

/** Throws what is wrong with the configuration. */
export async function checkConfig(context: Context, named: string | undefined): Promise<void> {
  const { file, sources } = await loadConfig(context, named === undefined ? {} : { file: named })
  const set = Object.values(sources).filter(source => source !== 'default').length
  const where = file === undefined ? `there is no ${usualFile(context)}` : file
  context.stdout.write(`the configuration is good: ${where}, ${set} of ${Object.keys(SETTINGS).length} settings are set\n`)
}

export async function showConfig(context: Context, options: ListOptions & { config?: string }): Promise<void> {
  const { values, sources } = await loadConfig(context, options.config === undefined ? {} : { file: options.config })
  const rows = (Object.keys(SETTINGS) as SettingName[]).map(name => ({
    name,
    value: 'secret' in SETTINGS[name] && values[name] !== undefined ? '***' : (values[name] ?? null),
    source: sources[name],
  }))
  await printList(context.stdout, options, COLUMNS, rows)
}
