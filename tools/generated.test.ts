import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { renderApi } from './render-api.ts'
import { renderCli } from './render-cli.ts'
import { renderConfiguration } from './render-configuration.ts'
import { renderErrors } from './render-errors.ts'
import { renderMan } from './render-man.ts'

test('docs/reference/errors.md lists the codes of the table', () => {
  assert.equal(readFileSync('docs/reference/errors.md', 'utf8'), renderErrors(), 'run npm run generate')
})

test('docs/reference/api.md lists the operations of the route table', () => {
  assert.equal(readFileSync('docs/reference/api.md', 'utf8'), renderApi(), 'run npm run generate')
})

test('docs/reference/cli.md lists the commands and options of the program', async () => {
  assert.equal(readFileSync('docs/reference/cli.md', 'utf8'), await renderCli(), 'run npm run generate')
})

test('docs/reference/configuration.md lists the settings of the service', () => {
  assert.equal(readFileSync('docs/reference/configuration.md', 'utf8'), renderConfiguration(), 'run npm run generate')
})

test('docs/man/instar-refresh.1 lists the options of the program', () => {
  assert.equal(readFileSync('docs/man/instar-refresh.1', 'utf8'), renderMan(), 'run npm run generate')
})
