import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compilePattern } from './pattern.ts'

const anchored = (source: string) => compilePattern(source, { anchored: true })

test('patterns of the subset match as JavaScript does', () => {
  const atom = fc.constantFrom('a', 'b', '/', '\\.', '.', '[ab]', '[^a]', '(a|b/)', '(?:ab)', '\\d', '[a-c/]', '$', '^')
  const piece = fc
    .tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{2}', '{0,2}', '{1,}'))
    .filter(([one, many]) => many === '' || !'^$'.includes(one))
  const source = fc.array(piece, { maxLength: 6 }).map(list => list.map(([one, many]) => one + many).join(''))
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '/', '.', '1', '\n'), maxLength: 8 })
  fc.assert(
    fc.property(source, text, (source, text) => {
      assert.equal(anchored(source)!.test(text), new RegExp(`^(?:${source})$`, 's').test(text), `whole: ${source}`)
      assert.equal(compilePattern(source, { anchored: false })!.test(text), new RegExp(source, 's').test(text), `part: ${source}`)
    }),
    { numRuns: 2000 },
  )
})

test('a text that JavaScript would need an age for is matched at once', { timeout: 5000 }, () => {
  for (const source of ['(a+)+b', '(a|a)*b', '(.*.*.*.*)*x', '((a?){20}){10}a{200}b']) {
    const pattern = anchored(source)

    assert.equal(pattern?.test('a'.repeat(3000)), false, source)
  }
})

for (const source of [
  '(?=a)b',
  '(?!a)',
  '(a)\\1',
  'a{256}',
  '((a{200}){200}){200}',
  '(',
  ')',
  '[a',
  '[b-a]',
  '*a',
  'a**',
  '\\b',
  '(?i)a',
  'a++',
  '(?<n>a)',
  '\\',
  '('.repeat(100),
  'a'.repeat(3000),
]) {
  test(`${source.slice(0, 24)} is not of the subset`, () => assert.equal(anchored(source), undefined))
}

test('named classes are known, unknown names are not', () => {
  assert.equal(anchored('[[:digit:]_]+')?.test('12_3'), true)
  assert.equal(anchored('[[:^digit:]]')?.test('1'), false)
  assert.equal(anchored('[[:word:]]'), undefined)
  assert.equal(anchored('[]a-]+')?.test(']-a'), true)
})

test('any text at all is compiled or refused', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('(', ')', '[', ']', '{', '}', '*', '?', '|', '\\', '^', '-', ':', 'a', '1', ','), maxLength: 30 }),
      source => {
        compilePattern(source, { anchored: true })?.test('a1a')
      },
    ),
  )
})
