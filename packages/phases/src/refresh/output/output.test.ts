import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { PhonyHost, until } from '../phony-host.ts'
import { OutputBound } from './bound.ts'
import { follow } from './follow.ts'
import { HALF_BYTES, readKept } from './kept.ts'
import { OutputSlots } from './slots.ts'

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'instar-output-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

const never = (error: unknown) => assert.fail(String(error))

test('silent scripts share a pair of files, others have their own, and empty files go', async t => {
  const dir = folder(t)
  const slots = new OutputSlots(dir, 0, never)
  const first = slots.take()
  slots.giveBack(first, { isUnheld: true, isSilent: true })
  const again = slots.take()
  appendFileSync(again.stdout.path, 'x')
  slots.giveBack(again, { isUnheld: true, isSilent: false })
  const held = slots.take()
  slots.giveBack(held, { isUnheld: false, isSilent: true })
  const other = slots.take()
  slots.giveBack(other, { isUnheld: true, isSilent: true })
  await slots.close()

  assert.equal(again.name, first.name, 'handed on while empty')
  assert.notEqual(held.name, again.name, 'not after something was printed')
  assert.notEqual(other.name, held.name, 'not while something may hold it')
  assert.deepEqual(readdirSync(join(dir, 'output')), [`${first.name}.stdout`])
})

test('where no file can be made the script has the null device', async () => {
  const told: unknown[] = []
  const slots = new OutputSlots('/proc/nowhere', 0, error => told.push(error))

  const slot = slots.take()
  slots.giveBack(slot, { isUnheld: true, isSilent: true })
  await slots.close()

  assert.equal(slot.stdout.path, '/dev/null')
  assert.equal(told.length, 1)
  assert.ok(statSync('/dev/null').isCharacterDevice())
})

test('output is read as it comes, whole characters at a time', async t => {
  const slots = new OutputSlots(folder(t), 0, never)
  const slot = slots.take()
  const seen: string[] = []
  const output = follow(slot, (stream, text) => seen.push(`${stream}: ${text}`))

  appendFileSync(slot.stdout.path, Buffer.from('aé').subarray(0, 2))
  output.poll()
  appendFileSync(slot.stdout.path, Buffer.from('é').subarray(1))
  appendFileSync(slot.stderr.path, 'oh')
  output.end()
  slots.giveBack(slot, { isUnheld: false, isSilent: true })
  await slots.close()

  assert.deepEqual(seen, ['stdout: a', 'stdout: é', 'stderr: oh'])
  assert.deepEqual([output.stdoutBytes, output.stderrBytes], [3, 2])
})

test('of a long stream the beginning and the end are kept, with the count of what is left out', t => {
  const file = join(folder(t), 'f')
  writeFileSync(file, 'aaaabbbbcccc')

  const text = (half: number, limit?: number) => Buffer.concat([...readKept(file, limit, half)]).toString()

  assert.equal(text(4), 'aaaa\n[4 bytes left out]\ncccc')
  assert.equal(text(6), 'aaaabbbbcccc')
  assert.equal(text(6, 3), 'aaa')
})

test('the middle of a stream that is too long is given back to the disk while its script runs', async t => {
  const slots = new OutputSlots(folder(t), 0, never)
  const slot = slots.take()
  const piece = Buffer.alloc(HALF_BYTES, 'x')
  for (let count = 0; count < 3; count += 1) appendFileSync(slot.stdout.path, piece)
  const told: string[] = []
  const bound = new OutputBound(reason => told.push(reason))

  bound.check(slot)
  await until('the hole', () => statSync(slot.stdout.path).blocks * 512 <= 2.1 * HALF_BYTES || told.length > 0)

  assert.deepEqual(told, [])
  assert.equal(statSync(slot.stdout.path).size, 3 * HALF_BYTES, 'every byte is counted')
  slots.giveBack(slot, { isUnheld: false, isSilent: true })
  await slots.close()
})

test('what a daemon prints after its script ended is not taken for the output of a later one', async t => {
  const host = new PhonyHost(t, {
    'configure.d/1': '(while [ ! -e "$DIR/go" ]; do sleep 0.02; done; echo late; touch "$DIR/said") & exit 0',
    'configure.d/2': 'touch "$DIR/go"; while [ ! -e "$DIR/said" ]; do sleep 0.02; done; exit 0',
  })

  await host.run('--containment', 'proc')

  assert.deepEqual(
    host.latest().scripts.map(({ stdout_bytes }) => stdout_bytes),
    [0, 0],
  )
})

test('a word about a death is held back until something follows, or the end', t => {
  const slots = new OutputSlots(folder(t), 0, never)
  const slot = slots.take()
  const seen: string[] = []
  const output = follow(slot, (_, text) => seen.push(text))
  const print = (text: string) => {
    appendFileSync(slot.stderr.path, text)
    output.poll()
  }

  print('half a line Terminated\n')
  assert.deepEqual(seen, ['half a line '])
  print('and on\nSegmentation fault (core dumped)\n')
  assert.deepEqual(seen.slice(1), ['Terminated\nand on\n'])
  output.end()

  assert.equal(seen.join(''), 'half a line Terminated\nand on\nSegmentation fault (core dumped)\n')
  slots.giveBack(slot, { isUnheld: true, isSilent: false })
})
