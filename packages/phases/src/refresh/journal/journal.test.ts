import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { foldJournal } from './fold.ts'
import { isOwnerAlive, thisProcess } from './owner.ts'
import type { JournalLine, RunOptions } from './records.ts'
import { rotate } from './rotate.ts'
import { newRefreshId, RefreshStore, timeOfId } from './store.ts'
import { JournalWriter } from './writer.ts'

const OPTIONS = { base: '/b', phases: ['configure'] } as unknown as RunOptions
const AT = '2026-01-01T00:00:00.000Z'
const begin = (id: string): JournalLine => ({ kind: 'run', version: 1, id, started_at: AT, owner: thisProcess(), options: OPTIONS })
const END: JournalLine = { kind: 'end', at: AT, state: 'succeeded', exit_code: 0 }

function emptyStore(t: TestContext): RefreshStore {
  const dir = mkdtempSync(join(tmpdir(), 'instar-journal-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const store = new RefreshStore(dir)
  store.prepare()
  return store
}

function addRun(store: RefreshStore, id: string, lines: readonly JournalLine[], outputBytes = 0): void {
  mkdirSync(store.folderOf(id), { recursive: true })
  writeFileSync(store.journalOf(id), lines.map(line => `${JSON.stringify(line)}\n`).join(''))
  writeFileSync(join(store.folderOf(id), 'output'), Buffer.alloc(outputBytes))
}

test('a run whose process is gone is interrupted, one that waits for its reboot is not', () => {
  const fold = (lines: readonly JournalLine[], isAlive: boolean) =>
    foldJournal(lines.map(line => JSON.stringify(line)).join('\n'), () => isAlive)?.state
  const reboot: JournalLine = { kind: 'reboot', at: AT, phase: 'configure', name: '1', boot_id: 'b', elapsed_ms: 1 }
  const continued: JournalLine = { kind: 'continued', at: AT, owner: thisProcess() }

  assert.equal(fold([begin('r')], true), 'running')
  assert.equal(fold([begin('r')], false), 'interrupted')
  assert.equal(fold([begin('r'), reboot], false), 'waiting_for_reboot')
  assert.equal(fold([begin('r'), reboot, continued], true), 'running')
  assert.equal(fold([begin('r'), reboot, continued], false), 'interrupted')
  assert.equal(fold([begin('r'), END], false), 'succeeded')
  assert.equal(fold([END], false), undefined, 'a journal without its first line is no run')
})

test('another process with the same number is not the owner', () => {
  const owner = thisProcess()

  assert.equal(isOwnerAlive(owner), true)
  assert.equal(isOwnerAlive({ ...owner, start_time: '1' }), false)
  assert.equal(isOwnerAlive({ ...owner, boot_id: 'another' }), false)
})

test('lines are on disk in groups, at most 100 ms late, output before the lines that count it', async t => {
  const store = emptyStore(t)
  const complaints: unknown[] = []
  const journal = new JournalWriter(store.journalOf('r'), error => complaints.push(error))

  const begun = performance.now()
  for (let count = 0; count < 500; count += 1) journal.append(END)
  assert.ok(performance.now() - begun < 1000, 'no line waits for the disk')
  assert.equal(readFileSync(store.journalOf('r'), 'utf8').split('\n').length, 501, 'the kernel has each line at once')
  journal.addOutput(join(store.dir, 'not there'))
  await journal.close()

  assert.equal(complaints.length, 1, 'what cannot be synced is told, once')
})

test('a journal that cannot be written any more is told once and stops nothing', async () => {
  const complaints: unknown[] = []
  const journal = new JournalWriter('/dev/full', error => complaints.push(error))

  journal.append(END)
  journal.append(END)
  await journal.close()

  assert.equal(complaints.length, 1)
  assert.match(String(complaints[0]), /ENOSPC/)
})

test('runs are forgotten by age, then by size, the oldest first; what goes on or waits stays', t => {
  const store = emptyStore(t)
  const now = new Date('2026-06-01T00:00:00Z')
  const id = (day: string) => newRefreshId(new Date(`2026-${day}T00:00:00Z`))
  const [ancient, waiting, alive, big, small, current] = [id('01-01'), id('01-02'), id('01-03'), id('05-01'), id('05-02'), id('05-03')]
  const reboot: JournalLine = { kind: 'reboot', at: AT, phase: 'configure', name: '1', boot_id: 'b', elapsed_ms: 1 }
  addRun(store, ancient, [begin(ancient), END])
  addRun(store, waiting, [begin(waiting), reboot])
  addRun(store, alive, [begin(alive)])
  addRun(store, big, [begin(big), END], 3_000_000)
  addRun(store, small, [begin(small), END], 500_000)
  addRun(store, current, [begin(current), END], 500_000)
  mkdirSync(join(store.dir, 'deleted-half'))

  assert.deepEqual(rotate(store, { keepDays: 90, keepBytes: 2_000_000 }, now, current), [ancient, big])
  assert.deepEqual(rotate(store, { keepDays: 90, keepBytes: 0 }, now, current), [small])

  assert.deepEqual(store.ids(), [waiting, alive, current])
  assert.equal(existsSync(join(store.dir, 'deleted-half')), false)
})

test('runs are found by the beginning of their id, and the last one by when it began', t => {
  const store = emptyStore(t)
  const first = { ...begin('20260101-000000-ffffff'), started_at: '2026-01-01T00:00:00.100Z' }
  const second = { ...begin('20260101-000000-000000'), started_at: '2026-01-01T00:00:00.900Z' }
  addRun(store, '20260101-000000-ffffff', [first, END])
  addRun(store, '20260101-000000-000000', [second, END])

  assert.equal(store.find('last').id, '20260101-000000-000000')
  assert.equal(store.find('20260101-000000-f').id, '20260101-000000-ffffff')
  assert.throws(() => store.find('20260101'), /begins the ids of 2 runs/)
  assert.throws(() => store.find('x'), /there is no run "x" among 2/)
  assert.equal(timeOfId('20260102-030405-abcdef'), Date.UTC(2026, 0, 2, 3, 4, 5))
})

test('a line that is written with the next one is there with it, or at the end of the turn, in its order', async t => {
  const store = emptyStore(t)
  const id = newRefreshId(new Date(AT))
  const writer = new JournalWriter(store.journalOf(id), error => assert.fail(String(error)))
  const lines = () => readFileSync(store.journalOf(id), 'utf8').split('\n').slice(0, -1)
  const warning = (message: string): JournalLine => ({ kind: 'warning', at: AT, message })

  writer.appendWithNext(warning('1'))
  assert.deepEqual(lines(), [])
  writer.append(warning('2'))
  assert.deepEqual(
    lines(),
    [warning('1'), warning('2')].map(line => JSON.stringify(line)),
  )
  writer.appendWithNext(warning('3'))
  await new Promise(setImmediate)
  assert.equal(lines().length, 3)
  writer.appendWithNext(warning('4'))
  await writer.close()
  assert.equal(lines().length, 4)
})
