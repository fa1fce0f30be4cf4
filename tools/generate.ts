// Writes the files that are made from tables in the code. `check` fails when one is stale.
import { readFileSync, writeFileSync } from 'node:fs'
import { renderErrors } from './render-errors.ts'

for (const [file, text] of [['docs/reference/errors.md', renderErrors()]] as const) {
  const before = readFileSync(file, { encoding: 'utf8', flag: 'a+' })
  if (before !== text) writeFileSync(file, text)
  console.log(`${file}: ${before === text ? 'unchanged' : 'written'}`)
}
