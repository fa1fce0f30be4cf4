import { formatTable, printable } from '@instar/phases/text'
import type { Output } from '../context.ts'
import { cellText, cellValue } from './cell.ts'
import { chooseColumns, type Column } from './column.ts'
import type { Format, ListOptions, OutputOptions } from './options.ts'
import { parseSort, sortBy } from './sort.ts'

/** Prints a list: a table, or one of the forms for programs. The first column is the one that `--quiet` prints. */
export async function printList<T>(
  output: Output,
  options: ListOptions,
  columns: readonly Column<T>[],
  items: readonly T[],
): Promise<void> {
  const sorted = options.sort === undefined ? items : sortBy(items, columns, parseSort(options.sort))
  const chosen = options.quiet === true ? columns.slice(0, 1) : chooseColumns(columns, options.column)
  const names = chosen.map(column => column.name)
  if (options.format === 'table' && options.quiet !== true) {
    const rows = sorted.map(item => chosen.map(column => tableText(column, item).replaceAll('\n', ' ')))
    return output.write(formatTable([names.map(name => name.toUpperCase()), ...rows]))
  }
  const rows = sorted.map(item => chosen.map(column => column.of(item) ?? null))
  write(output, await formatRows(options, names, rows))
}

/** Prints one thing, a field a line. The first field is the one that `--quiet` prints. */
export async function printOne<T>(output: Output, options: OutputOptions, fields: readonly Column<T>[], item: T): Promise<void> {
  const chosen = options.quiet === true ? fields.slice(0, 1) : chooseColumns(fields, options.column)
  if (options.format === 'table' && options.quiet !== true) {
    const width = Math.max(0, ...chosen.map(field => field.name.length))
    return output.write(chosen.map(field => fieldLines(field.name.padEnd(width), tableText(field, item))).join(''))
  }
  write(
    output,
    await formatFields(
      options,
      chosen.map(field => [field.name, field.of(item) ?? null] as const),
    ),
  )
}

async function formatRows(options: OutputOptions, names: readonly string[], rows: readonly (readonly unknown[])[]): Promise<string> {
  const objects = () => rows.map(row => Object.fromEntries(row.map((value, index) => [names[index]!, value])))
  switch (forPrograms(options)) {
    case 'json':
      return `${JSON.stringify(objects(), null, 2)}\n`
    case 'yaml':
      return toYaml(objects())
    case 'csv':
      return [names, ...rows].map(csvLine).join('')
    case 'value':
      return rows.map(row => `${row.map(cellValue).join(' ')}\n`).join('')
  }
}

async function formatFields(options: OutputOptions, pairs: readonly (readonly [string, unknown])[]): Promise<string> {
  switch (forPrograms(options)) {
    case 'json':
      return `${JSON.stringify(Object.fromEntries(pairs), null, 2)}\n`
    case 'yaml':
      return toYaml(Object.fromEntries(pairs))
    case 'csv':
      return [pairs.map(([name]) => name), pairs.map(([, value]) => value)].map(csvLine).join('')
    case 'value':
      return pairs.map(([, value]) => `${cellValue(value)}\n`).join('')
  }
}

/** `--quiet` prints bare values, whatever the format. */
function forPrograms({ format, quiet }: OutputOptions): Exclude<Format, 'table'> {
  return quiet === true || format === 'table' ? 'value' : format
}

/** What a service says may hold anything: a pipe gets it as it is, a terminal without what could control it. */
function write(output: Output, text: string): void {
  output.write(output.isTerminal ? text.split('\n').map(printable).join('\n') : text)
}

function tableText<T>(column: Column<T>, item: T): string {
  return cellText(column.text?.(item) ?? column.of(item))
}

/** A value of several lines goes on below itself. */
function fieldLines(name: string, value: string): string {
  const [first = '', ...more] = value.trimEnd().split('\n')
  const blank = ' '.repeat(name.length)
  return [`${name}  ${first}`, ...more.map(line => `${blank}  ${line}`)].map(line => `${line.trimEnd()}\n`).join('')
}

/** RFC 4180, with the line ends of this system. */
function csvLine(values: readonly unknown[]): string {
  const cells = values.map(value => {
    const text = cellValue(value)
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  })
  return `${cells.join(',')}\n`
}

async function toYaml(value: unknown): Promise<string> {
  const { stringify } = await import('yaml')
  return stringify(value, { lineWidth: 0 })
}
