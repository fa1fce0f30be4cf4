import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { helpText } from './help-text.ts'

test('the page of the drop-ins has the options that --help has, and no others', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../../../docs/reference/refresh.md'), 'utf8')
  const table = /\| option of os-refresh-config [^]*?\n\n/.exec(page)![0]
  const optionsIn = (text: string) => [...new Set(text.match(/(?<![\w-])--?[a-z][a-z-]*/g))].sort()

  assert.deepEqual(optionsIn(table), optionsIn(helpText(1000)))
})
