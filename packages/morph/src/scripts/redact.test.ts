import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRedactor } from './redact.ts'

const secret = (text: string) => ({ name: 's', value: Buffer.from(text) })

test('a secret is masked with and without the line end of its file, and short ones are left', () => {
  const redactor = createRedactor([secret('hunter22\n'), secret('abc')])

  assert.equal(redactor.text('key=hunter22 abc é'), 'key=*** abc é')
  assert.equal(redactor.text('hunter22\nnext line'), '***\nnext line')
})

test('a stream hides a secret however it is cut, and equals the text masked as a whole', () => {
  const words = fc.array(fc.constantFrom('aaaa', 'aab', 'aaaab', 'b', 'a', 'xyz', '\n'), { maxLength: 30 }).map(list => list.join(''))
  fc.assert(
    fc.property(words, fc.array(fc.nat(40), { maxLength: 8 }), (text, cuts) => {
      const redactor = createRedactor([secret('aaaab'), secret('aaxy'), secret('aaaa')])
      const stream = redactor.stream()
      const ends = [...cuts.filter(cut => cut < text.length).sort((a, b) => a - b), text.length]

      let at = 0
      const pieces = ends.map(end => {
        const piece = stream.take(Buffer.from(text.slice(at, end)))
        at = Math.max(at, end)
        return piece
      })
      const got = Buffer.concat([...pieces, stream.end()]).toString()

      assert.equal(got, redactor.text(text))
    }),
  )
})

test('what cannot be the beginning of a secret is not held back', () => {
  const stream = createRedactor([secret('hunter22')]).stream()

  assert.equal(stream.take(Buffer.from('progress 10%')).toString(), 'progress 10%')
  assert.equal(stream.take(Buffer.from(' hunt')).toString(), ' ')
  assert.equal(stream.take(Buffer.from('er22!')).toString(), '***!')
})

test("of a file with several lines each line and each setting's value is masked, and nothing as short as a user's name", () => {
  const redactor = createRedactor([secret('user=admin\npassword=CANARY-55\nexport token: "quoted value"\n-----BEGIN-----\nMIIabcdef\n')])

  assert.equal(redactor.text('admin CANARY-55'), 'admin ***')
  assert.equal(redactor.text('<password=CANARY-55> <quoted value> MIIabcdef'), '<***> <***> ***')
})

test('secrets of many lines, and of a megabyte, cost a stream no time', () => {
  const lines = Array.from({ length: 200 }, (_, at) => `line ${at} ${'x'.repeat(60)}`)
  const stream = createRedactor([secret(lines.join('\n')), secret('x y\n'.repeat(250_000))]).stream()
  const started = process.threadCpuUsage()

  for (let at = 0; at < 20; at += 1) stream.take(Buffer.from(`${'x'.repeat(64 * 1024)}line`))

  const { user } = process.threadCpuUsage(started)
  assert.ok(user < 5_000_000, `${user} µs of CPU time`)
})
