import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { takeRunLock } from './run-lock.ts'

describe('the lock of a run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'instar-lock-'))
  const file = join(folder, 'lock')
  after(() => rmSync(folder, { recursive: true }))
  const othersGetIt = () => spawnSync('flock', ['-n', file, 'true']).status === 0

  it('keeps flock(1) out until it is given back, and names its holder meanwhile', () => {
    const locking = takeRunLock(file)
    assert.equal(locking.kind, 'locked')
    assert.match(readFileSync(file, 'utf8'), new RegExp(`^Locked by pid==${process.pid} at \\d{4}-`))
    assert.equal(othersGetIt(), false)
    assert.deepEqual(takeRunLock(file), { kind: 'held' })

    if (locking.kind === 'locked') locking.lock.release()

    assert.equal(othersGetIt(), true)
    assert.equal(statSync(file).size, 0)
  })

  it('gives way to a shared lock of another', async () => {
    const other = spawn('flock', ['-s', file, 'sh', '-c', 'echo held; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
    await once(other.stdout, 'data')

    assert.deepEqual(takeRunLock(file), { kind: 'held' })

    other.stdin.end()
    await once(other, 'exit')
  })

  it('says what is wrong with the file', () => {
    spawnSync('mkfifo', [join(folder, 'fifo')])
    for (const [path, step, reason] of [
      [join(folder, 'none', 'lock'), 'open', 'No such file or directory'],
      [folder, 'open', 'Is a directory'],
      ['', 'open', 'No such file or directory'],
      [join(folder, 'fifo'), 'open', 'No such device or address'],
      ['/dev/null', 'truncate', 'Invalid argument'],
    ] as const) {
      const locking = takeRunLock(path)
      assert.deepEqual(locking.kind === 'failed' ? [locking.step, locking.reason] : locking, [step, reason], path)
    }
  })
})
