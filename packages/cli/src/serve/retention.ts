import type { ServeOptions } from '@instar/server'
import type { Config } from '../config/settings.ts'

/** What is kept of the past; absent = for ever. */
export function retentionOf(config: Config): NonNullable<ServeOptions['settings']['retention']> {
  const asked = {
    executionsPerAction: config['retention.executions'],
    executionDays: config['retention.execution_days'],
    eventDays: config['retention.event_days'],
    outputDays: config['retention.output_days'],
  }
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined))
}
