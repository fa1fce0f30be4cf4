import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const table = new Map(
  [...readFileSync('ARCHITECTURE.md', 'utf8').matchAll(/^\| `(\w+)` \| ([\w, –]+) \|$/gm)].map(
    row => [row[1]!, row[2]!.split(', ')] as const,
  ),
)
const folderOf = (part: string) => (part === 'fixtures' ? 'fixtures' : join('packages', part))

function sourcesOf(part: string): string[] {
  return readdirSync(join(folderOf(part), 'src'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map(name => join(folderOf(part), 'src', name))
}

function importsOf(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(found => found[1]!)
}

test('the rows of the table are the packages on disk', () => {
  assert.deepEqual([...table.keys()].sort(), [...readdirSync('packages'), 'fixtures'].sort())
})

for (const [part, allowed] of table) {
  test(`${part} imports only ${allowed.join(', ')}`, () => {
    const wrong = sourcesOf(part).flatMap(file =>
      importsOf(file)
        .filter(name => name.startsWith('@instar/') && ![part, ...allowed].includes(name.split('/')[1]!))
        .map(name => `${file}: ${name}`),
    )

    assert.deepEqual(wrong, [])
  })
}

test('phases and contract need no zod where they must start fast', () => {
  const zodFree = [
    ...sourcesOf('phases'),
    ...sourcesOf('contract').filter(file => /\/(errors|phases|statuses)\.ts$|\/scripts\//.test(file)),
  ]
  const wrong = zodFree.filter(file => importsOf(file).some(name => name.startsWith('zod') || name === '@instar/contract'))

  assert.deepEqual(wrong, [])
})

test('contract uses no Node and every relative import stays in its package', () => {
  const wrong = sourcesOf('contract').filter(file => importsOf(file).some(name => name.startsWith('node:')))
  const leaving = [...table.keys()].flatMap(part =>
    sourcesOf(part).filter(file => importsOf(file).some(name => /^(\.\.\/)+packages\//.test(name))),
  )

  assert.deepEqual([...wrong, ...leaving], [])
})
