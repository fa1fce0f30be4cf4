import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { ERRORS } from '@instar/contract'
import { renderCli } from './render-cli.ts'

const pages = globSync('**/*.md', { exclude: name => name.includes('node_modules') || name === 'dist' })

test('every link between pages leads to a file', () => {
  const broken = pages.flatMap(page =>
    [...readFileSync(page, 'utf8').matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(found => found[1]!)
      .filter(link => !/^\w+:/.test(link) && !existsSync(join(dirname(page), link)))
      .map(link => `${page}: ${link}`),
  )

  assert.deepEqual(broken, [])
})

test('every option of an instar command in the pages exists', async () => {
  const known = new Set([...((await renderCli()).match(/--[a-z][\w-]*/g) ?? []), '--help', '--version'])
  const unknown = pages.flatMap(page =>
    [...readFileSync(page, 'utf8').matchAll(/^(?:\$ )?(?:\.\/)?instar (?!test)(?:.*\\\n)*.*/gm)]
      .flatMap(command => command[0].match(/(?<=\s)--[a-z][\w-]*/g) ?? [])
      .filter(option => !known.has(option))
      .map(option => `${page}: ${option}`),
  )

  assert.deepEqual(unknown, [])
})

test('every error code that a page or hint names is one of the table', () => {
  const areas: ReadonlySet<string | undefined> = new Set(Object.keys(ERRORS).map(code => code.split('.')[0]))
  const unknown = pages.flatMap(page =>
    [...readFileSync(page, 'utf8').matchAll(/`([a-z-]+)\.([a-z][a-z-]+)`/g)]
      .filter(([, area]) => areas.has(area))
      .map(([, area, name]) => `${area}.${name}`)
      .filter(code => !(code in ERRORS) && !/\.(?:ts|md|json|sh|yaml|cfg|service|conf|yml|toml|link|rules|devices|dep|wants)$/.test(code))
      .map(code => `${page}: ${code}`),
  )

  assert.deepEqual(unknown, [])
})
