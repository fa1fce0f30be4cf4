// Writes the files that are made from tables in the code; generated.test.ts fails when one is stale.
import { readFileSync, writeFileSync } from 'node:fs'
import { renderApi } from './render-api.ts'
import { renderCli } from './render-cli.ts'
import { renderConfiguration } from './render-configuration.ts'
import { renderErrors } from './render-errors.ts'
import { renderMan } from './render-man.ts'

for (const [file, text] of [
  ['docs/reference/errors.md', renderErrors()],
  ['docs/reference/api.md', renderApi()],
  ['docs/reference/cli.md', await renderCli()],
  ['docs/reference/configuration.md', renderConfiguration()],
  ['docs/man/instar-refresh.1', renderMan()],
] as const) {
  const before = readFileSync(file, { encoding: 'utf8', flag: 'a+' })
  if (before !== text) writeFileSync(file, text)
  console.log(`${file}: ${before === text ? 'unchanged' : 'written'}`)
}
