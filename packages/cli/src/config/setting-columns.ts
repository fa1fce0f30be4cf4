import type { Column } from '../output/column.ts'
import type { Source } from './load-config.ts'
import type { SettingName } from './settings.ts'

interface Row {
  readonly name: SettingName
  readonly value: unknown
  readonly source: Source
}

/** Apart from what reads a configuration: a start does not pay for that. */
export const COLUMNS: readonly Column<Row>[] = [
  { name: 'Setting', of: row => row.name },
  { name: 'Value', of: row => row.value },
  { name: 'From', of: row => row.source },
]
