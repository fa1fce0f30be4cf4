import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Column } from './column.ts'
import { parseObject } from './json-option.ts'
import type { ListOptions } from './options.ts'
import { printList, printOne } from './print.ts'
import { parseSort } from './sort.ts'

interface Row {
  readonly id: string
  readonly size: number | null
  readonly tags: readonly string[]
  readonly more: object
}

const COLUMNS: readonly Column<Row>[] = [
  { name: 'ID', of: row => row.id },
  { name: 'Size MB', of: row => row.size },
  { name: 'Tags', of: row => row.tags },
  { name: 'More', of: row => row.more, text: row => `keys:\n${Object.keys(row.more).join(' ')}` },
]
const ROWS: readonly Row[] = [
  { id: 'b', size: 10, tags: ['x', 'y'], more: { k: 1 } },
  { id: 'a, "b"', size: 9, tags: [], more: {} },
  { id: 'c\u001B[2J', size: null, tags: ['z'], more: { l: null } },
]

async function listed(options: Partial<ListOptions>, isTerminal = false, rows = ROWS): Promise<string> {
  let text = ''
  const output = { write: (piece: string) => void (text += piece), writeBytes: async () => undefined, isTerminal, columns: 80 }
  await printList(output, { format: 'table', ...options }, COLUMNS, rows)
  return text
}

async function shown(options: Partial<ListOptions>): Promise<string> {
  let text = ''
  const output = { write: (piece: string) => void (text += piece), writeBytes: async () => undefined, isTerminal: false, columns: 80 }
  await printOne(output, { format: 'table', ...options }, COLUMNS, ROWS[0]!)
  return text
}

test('a table has heads in capitals, lists side by side, and nothing that could control a terminal', async () => {
  assert.equal(
    await listed({ column: ['id', 'size-mb', 'Tags'] }),
    'ID      SIZE MB  TAGS\nb       10       x, y\na, "b"  9\nc                z\n',
  )
})

test('of an empty list a table shows the heads; programs get no row', async () => {
  const empty = (options: Partial<ListOptions>) => listed({ column: ['ID', 'Tags'], ...options }, false, [])

  assert.equal(await empty({}), 'ID  TAGS\n')
  assert.equal(await empty({ quiet: true }), '')
  assert.equal(await empty({ format: 'json' }), '[]\n')
  assert.equal(await empty({ format: 'yaml' }), '[]\n')
  assert.equal(await empty({ format: 'csv' }), 'ID,Tags\n')
  assert.equal(await empty({ format: 'value' }), '')
})

test('json and yaml keep values as they are, under the headings; csv and value quote no more than they must', async () => {
  assert.deepEqual(JSON.parse(await listed({ format: 'json', column: ['ID', 'Tags', 'More'] }))[0], {
    ID: 'b',
    Tags: ['x', 'y'],
    More: { k: 1 },
  })
  assert.match(await listed({ format: 'yaml', column: ['Size MB'] }), /^- Size MB: 10\n- Size MB: 9\n- Size MB: null\n$/)
  assert.equal(
    (await listed({ format: 'csv', column: ['ID', 'Tags'] })).split('\n').slice(0, 3).join('\n'),
    'ID,Tags\nb,"[""x"",""y""]"\n"a, ""b""",[]',
  )
  assert.equal((await listed({ format: 'value', column: ['ID', 'Size MB'] })).split('\n')[0], 'b 10')
  assert.equal(await listed({ quiet: true, format: 'json' }), 'b\na, "b"\nc\u001B[2J\n')
  assert.equal(await listed({ quiet: true }, true), 'b\na, "b"\nc\n')
})

test('one thing is shown a field a line, values of several lines below themselves', async () => {
  assert.equal(await shown({}), 'ID       b\nSize MB  10\nTags     x, y\nMore     keys:\n         k\n')
  assert.equal(await shown({ format: 'value', column: ['Tags', 'ID'] }), '["x","y"]\nb\n')
})

test('rows are sorted by columns: numbers by size, absent ones last; a wrong column or direction is told with a guess', async () => {
  assert.equal(await listed({ format: 'value', column: ['Size MB'], sort: 'size mb' }), '9\n10\n\n')
  assert.equal(await listed({ format: 'value', column: ['Size MB'], sort: 'Size MB:desc' }), '10\n9\n\n')
  await assert.rejects(listed({ sort: 'Tgas' }), { message: /no column "Tgas"; did you mean "Tags"\?/, hint: /ID, Size MB, Tags, More/ })
  await assert.rejects(listed({ column: ['colour'] }), { message: /^there is no column "colour"$/ })
  assert.throws(() => parseSort('id:up'), /--sort "id:up" is not/)
})

test('an object may be JSON or YAML, and nothing else', async () => {
  assert.deepEqual(await parseObject('{"a": 1}', '--x'), { a: 1 })
  assert.deepEqual(await parseObject('a: {b: [1]}', '--x'), { a: { b: [1] } })
  await assert.rejects(parseObject('[1]', '--x'), { message: /^--x is no object/ })
  await assert.rejects(parseObject('{', '--x'), { message: '--x is neither JSON nor YAML' })
})
