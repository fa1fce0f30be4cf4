import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConsoleText } from './console-text.ts'
import { MonitorEvents } from './monitor-events.ts'
import { PromptAnswers } from './prompt-answers.ts'

test('keeps the last part only, and characters that come in two pieces whole', () => {
  const console = new ConsoleText(10)
  const letter = Buffer.from('ä')
  console.add(letter.subarray(0, 1))
  console.add(letter.subarray(1))
  assert.equal(console.text, 'ä')

  for (let count = 0; count < 1000; count += 1) console.add(Buffer.from(String(count % 10)))

  assert.equal(console.text, '0123456789')
  assert.equal(console.total, 1001)
})

test('answers each prompt once each time it shows, also when it comes in pieces', () => {
  const console = new ConsoleText(1000)
  const answers = new PromptAnswers([{ prompt: 'unlock disk', send: 'secret\n' }])

  console.add(Buffer.from('Please unlock'))
  assert.deepEqual(answers.next(console), [])
  console.add(Buffer.from(' disk root: '))
  assert.deepEqual(answers.next(console), ['secret\n'])
  assert.deepEqual(answers.next(console), [])
  console.add(Buffer.from('wrong. Please unlock disk root: '))
  assert.deepEqual(answers.next(console), ['secret\n'])
})

test('does not type for ever at a guest that asks for ever', () => {
  const console = new ConsoleText(100_000)
  const answers = new PromptAnswers([{ prompt: '?', send: '!' }])

  console.add(Buffer.from('?'.repeat(1000)))

  assert.equal(answers.next(console).length, 20)
})

test('counts the restarts of the guest, once each, and passes over what is no event', () => {
  const events = new MonitorEvents()
  const reset = (seconds: number, guest: boolean) =>
    JSON.stringify({ event: 'RESET', data: { guest }, timestamp: { seconds, microseconds: 500_000 } })
  const lines = ['{"QMP":{}}', '{"return":{}}', reset(10, true), reset(11, true), reset(20, false), reset(30, true), 'junk', 'null']

  for (const letter of `${lines.join('\n')}\n`) events.add(letter)

  assert.equal(events.reboots, 2)
})

test('sees that the disk of the host is full, and no other error of a disk', () => {
  const events = new MonitorEvents()

  events.add('{"event":"BLOCK_IO_ERROR","data":{"nospace":false}}\n')
  assert.equal(events.isOutOfSpace, false)
  events.add('{"event":"BLOCK_IO_ERROR","data":{"nospace":true}}\n')
  assert.equal(events.isOutOfSpace, true)
})
