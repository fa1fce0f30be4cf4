import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { requires } from '@instar/fixtures'
import { PIECE_BYTES, READS_IN_FLIGHT } from './copy/chunks.ts'
import { RECORD_BYTES, readJournal } from './copy/journal.ts'
import { imageFile, readReplicaRecord } from './replica-record.ts'
import type { ChildRequest } from './replicate-child.fixture.ts'
import { Lab } from './replication.fixture.ts'

const MIB = 1024 * 1024
const IN_FLIGHT_BYTES = 2 * READS_IN_FLIGHT * PIECE_BYTES
const CHILD = join(import.meta.dirname, 'replicate-child.fixture.ts')

function start(lab: Lab, change: Partial<ChildRequest> = {}) {
  const { folder, replica, format } = lab
  const request: ChildRequest = { folder, replica, format, bitmaps: false, executionId: 'killed', ...change }
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD, JSON.stringify(request)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = once(child, 'close').then(() =>
    said === '' ? undefined : (JSON.parse(said) as { written_bytes?: number; code?: string; read_bytes?: number }),
  )
  return { child, ended }
}

/** Kills the copy as soon as its journal has so many records; `undefined` when it ended before. */
async function killAt(lab: Lab, records: number) {
  const { child, ended } = start(lab)
  const journal = join(lab.replica, '0001.incoming.journal')
  while (child.exitCode === null && (!existsSync(journal) || statSync(journal).size < records * RECORD_BYTES)) await sleep(1)
  child.kill('SIGKILL')
  return await ended
}

test('a copy that is killed again and again goes on where it was, and nothing that was done is copied twice', async () => {
  using lab = new Lab(96)
  lab.write('write -P 1 0 96M')
  const chunks = (96 * MIB) / (256 * 1024)
  let kills = 0
  for (const share of [0.05, 0.3, 0.5, 0.75, 0.95]) {
    const done = await killAt(lab, Math.ceil(chunks * share))
    if (done === undefined) kills += 1
  }
  assert.ok(kills >= 2, `only ${kills} of 5 attempts were killed in mid-way`)
  const journal = join(lab.replica, '0001.incoming.journal')
  const stored = existsSync(journal) ? (await readJournal(journal, true)).records.filter(({ kind }) => kind === 'stored').length : chunks

  const last = await start(lab).ended

  assert.ok(lab.isSame(1))
  // The last attempt read and wrote exactly what the journal did not have; the killed ones wasted no more than was in flight.
  if (stored < chunks) assert.equal(last?.read_bytes, (chunks - stored) * 256 * 1024)
  const size = statSync(imageFile(lab.replica, 1)).size
  assert.ok(size <= 96 * MIB + kills * IN_FLIGHT_BYTES + 2 * MIB, `${size} bytes after ${kills} kills`)
})

test('a kill at any moment leaves a replica that the next execution completes', async () => {
  using lab = new Lab(24)
  lab.write('write -P 1 0 24M')
  await lab.run()
  const began = performance.now()
  await start(lab, { executionId: 'timed' }).ended
  const tookMs = performance.now() - began
  let number = 2
  const pids: (number | undefined)[] = []
  for (let round = 1; round <= 10; round += 1) {
    lab.write(`write -P ${10 + round} ${round}M 1M`, `discard ${round + 8}M 512k`)
    const executionId = `round-${round}`
    const { child, ended } = start(lab, { executionId })
    // Most of a short run is the start of Node: the kills fall into its last half.
    await Promise.race([sleep(tookMs * (0.4 + round * 0.06)), ended])
    child.kill('SIGKILL')
    await ended

    await start(lab, { executionId }).ended

    number += 1
    assert.equal((await readReplicaRecord(lab.replica))?.generations.at(-1)?.number, number, `round ${round}`)
    assert.ok(lab.isSame(number), `round ${round}`)
    pids.push(child.pid)
    const wanted = [`${String(number).padStart(4, '0')}.hashes`, 'replica.json', 'replica.lock']
    assert.deepEqual(
      lab.files().filter(name => !name.endsWith('.qcow2')),
      wanted,
    )
  }

  // The next one that serves a disk removes the sockets that killed ones left.
  await lab.run()
  const left = readdirSync(tmpdir()).filter(name => pids.some(pid => name.startsWith(`instar-nbd-${pid}-`)))
  assert.deepEqual(left, [])
})

test('a source that changed after the kill is looked at again: what is no longer right is copied anew', async () => {
  using lab = new Lab(32)
  lab.write('write -P 1 0 32M')
  await killAt(lab, 60)
  lab.write('write -P 2 0 1M', 'write -P 3 20M 1M', 'discard 2M 1M')

  await start(lab).ended

  assert.ok(lab.isSame(1))
})

test('with bitmaps too a killed copy is completed, also when the source changed meanwhile', async () => {
  using lab = new Lab(32, 'qcow2')
  lab.write('write -P 1 0 32M')
  await lab.run({ bitmaps: true })
  lab.write('write -P 2 4M 8M')
  const { child, ended } = start(lab, { bitmaps: true })
  const journal = join(lab.replica, '0002.incoming.journal')
  while (!existsSync(journal) && child.exitCode === null) await sleep(1)
  child.kill('SIGKILL')
  await ended
  lab.write('write -P 5 5M 64k', 'write -P 6 30M 64k')

  await start(lab, { bitmaps: true }).ended
  lab.write('write -P 7 31M 64k')
  await lab.run({ bitmaps: true, verify: true })

  assert.ok(lab.isSame(3))
})

test('a full destination fails cleanly, and the copy goes on when there is room', { skip: requires(['root'], process.env) }, async () => {
  using lab = new Lab(44)
  lab.write('write -P 1 0 4M')
  await lab.run()
  lab.write('write -P 2 4M 40M')
  const { folder, format } = lab
  // A small file system that only this shell sees: the first attempt meets its end, then it grows.
  const script =
    'mount -t tmpfs -o size=28m none "$2" && cp -a "$3"/. "$2" && "$0" --disable-warning=ExperimentalWarning "$1" "$4"; echo; mount -o remount,size=96m "$2"; "$0" --disable-warning=ExperimentalWarning "$1" "$4" && cp -a "$2"/. "$3"'
  const small = join(folder, 'small')
  mkdirSync(small)
  const request: ChildRequest = { folder, replica: small, format, bitmaps: false, executionId: 'full' }
  const argv = [
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-c',
    script,
    process.execPath,
    CHILD,
    small,
    lab.replica,
    JSON.stringify(request),
  ]
  const child = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  await once(child, 'close')
  const [first = '', second = ''] = said.trim().split('\n')

  assert.equal((JSON.parse(first) as { code: string }).code, 'image.no-space', said)
  const done = JSON.parse(second) as { number: number; written_bytes: number }
  assert.equal(done.number, 2)
  assert.ok(done.written_bytes < 30 * MIB, 'all was copied again')
  assert.ok(lab.isSame(2))
})
