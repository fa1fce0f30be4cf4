import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { editTable, fieldValue, tableLines } from './edit-table.ts'

const tableText = fc
  .array(fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom('\t', ' ', '# note', '/dev/sda1\t/ ext4', '\r', '\\040')), {
    maxLength: 12,
  })
  .map(parts => parts.join(''))
const lines = fc.array(tableText, { maxLength: 8 }).map(list => list.join('\n'))

test('a table that no line of is edited stays byte for byte', () => {
  fc.assert(
    fc.property(lines, text =>
      assert.equal(
        editTable(text, () => undefined),
        text,
      ),
    ),
  )
})

test('only the field that is named changes, and its line keeps every other byte', () => {
  fc.assert(
    fc.property(lines, fc.nat({ max: 7 }), (text, chosen) => {
      const target = tableLines(text)[chosen]

      const edited = editTable(text, line =>
        line.number === target?.number ? { kind: 'fields', values: new Map([[0, 'X=1']]) } : undefined,
      )

      const before = text.split('\n')
      const after = edited.split('\n')
      assert.equal(after.length, before.length)
      for (const [index, line] of before.entries()) {
        if (index + 1 !== target?.number) assert.equal(after[index], line)
        else
          assert.equal(
            after[index],
            line.replace(target.fields[0]!, () => 'X=1'),
          )
      }
    }),
  )
})

test('comments and empty lines are no lines of the table', () => {
  const found = tableLines('# /dev/sda1 / ext4\n\n  \t\n\t# x\n/dev/sda2 /home\n')

  assert.deepEqual(found, [{ number: 5, fields: ['/dev/sda2', '/home'] }])
})

test('a line that becomes a comment keeps its text below the note, and is not seen again', () => {
  const edited = editTable('a b\r\nc d', line => (line.number === 1 ? { kind: 'comment', note: 'why\nnot' } : undefined))

  assert.equal(edited, '# instar: why not\n# a b\r\nc d')
  assert.deepEqual(
    tableLines(edited).map(line => line.fields[0]),
    ['c'],
  )
})

test('a field is read without its quotes and with its octal escapes decoded', () => {
  assert.equal(fieldValue('"UUID=ab"'), 'UUID=ab')
  assert.equal(fieldValue(`LABEL='x y'`), 'LABEL=x y')
  assert.equal(fieldValue(String.raw`/mnt/a\040b\134`), String.raw`/mnt/a b` + '\\')
  assert.equal(fieldValue('"half'), '"half')
})
