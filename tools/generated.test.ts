import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { renderCli } from './render-cli.ts'
import { renderErrors } from './render-errors.ts'

test('docs/reference/errors.md lists the codes of the table', () => {
  assert.equal(readFileSync('docs/reference/errors.md', 'utf8'), renderErrors(), 'run npm run generate')
})

test('docs/reference/cli.md lists the commands and options of the program', async () => {
  assert.equal(readFileSync('docs/reference/cli.md', 'utf8'), await renderCli(), 'run npm run generate')
})
