import { InstarError } from '@instar/contract/errors'
import { closest } from '@instar/contract/closest'

/** A column of a list or a field of a single thing: its heading and its value, which may be any JSON. */
export interface Column<T> {
  readonly name: string
  readonly of: (item: T) => unknown
  /** The value in a table, where it is said otherwise than programs want it; may have several lines. */
  readonly text?: (item: T) => string
}

/** The columns that `-c` names, in the order asked for; a heading is found whatever its case, with `-` or `_` in place of blanks. */
export function chooseColumns<T>(columns: readonly Column<T>[], wanted: readonly string[] | undefined): readonly Column<T>[] {
  return wanted === undefined ? columns : wanted.map(name => findColumn(columns, name))
}

export function findColumn<T>(columns: readonly Column<T>[], name: string): Column<T> {
  const found = columns.find(column => plain(column.name) === plain(name))
  if (found !== undefined) return found
  const names = columns.map(column => column.name)
  const guess = closest(name, names)
  throw new InstarError('usage.bad-argument', `there is no column "${name}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`, {
    hint: `The columns are: ${names.join(', ')}.`,
  })
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_-]+/g, ' ')
}
