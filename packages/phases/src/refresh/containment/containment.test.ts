import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PhonyHost } from '../phony-host.ts'
import { ownCgroup, RunCgroup } from './cgroup.ts'
import { markOf } from './mark.ts'
import { MemoryPeak } from './memory-peak.ts'
import { readProcess, withDescendants } from './processes.ts'

const MOUNTS = `30 1 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw
31 30 0:27 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw
32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory`

test('finds its own place in the hierarchy of version 2, wherever it is mounted', () => {
  assert.equal(ownCgroup(MOUNTS, '4:memory:/x\n0::/user.slice/a b\n'), '/sys/fs/cgroup/unified/user.slice/a b')
  assert.equal(ownCgroup(MOUNTS.replace('0:27 / ', '0:27 /user.slice '), '0::/user.slice/s\n'), '/sys/fs/cgroup/unified/s')
  assert.equal(ownCgroup(MOUNTS.replace('/unified', String.raw`/uni\040fied`), '0::/\n'), '/sys/fs/cgroup/uni fied')
  assert.equal(ownCgroup(MOUNTS, '4:memory:/x\n'), undefined, 'no version 2')
  assert.equal(ownCgroup(MOUNTS, '0::/../elsewhere\n'), undefined, 'outside of our namespace')
})

test('where no cgroup can be made the scan of /proc takes its place, and the journal says why', async t => {
  const host = new PhonyHost(t, { 'configure.d/1': ':' })
  assert.throws(() => RunCgroup.create('x', join(host.dir, 'no such group')), /ENOENT/)

  await host.run('--containment', 'proc')

  assert.equal(host.latest().containment, 'proc')
})

test('a group that another run took for one of the past is made anew', async t => {
  const host = new PhonyHost(t, { 'configure.d/1': ':' })
  await host.run()
  if (host.latest().containment !== 'cgroup') return t.skip('no cgroup can be made here')
  const [id, other] = [`test-${process.pid}-a`, `test-${process.pid}-b`]
  const group = RunCgroup.create(id)
  const child = spawn('sleep', ['60'])
  t.after(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
    group.remove()
  })

  RunCgroup.create(other).remove()

  assert.equal(existsSync(group.dir), false)
  assert.equal(group.adopt(child.pid!), true)
  assert.deepEqual(group.pids(), [child.pid])
  RunCgroup.create(other).remove()
  assert.equal(group.adopt(child.pid!), false, 'it is not taken while something runs in it')
})

test('a run within a run carries both marks', () => {
  assert.deepEqual(markOf('b', { INSTAR_REFRESH_RUNS: 'a' }), { INSTAR_REFRESH_RUNS: 'a b' })
})

test('reads a process whose name looks like fields', () => {
  const process = readProcess(globalThis.process.pid)

  assert.equal(process?.parent, globalThis.process.ppid)
  assert.match(process?.startTime ?? '', /^\d+$/)
  assert.equal(readProcess(2 ** 22 + 1), undefined)
})

test('descendants are found through any depth', () => {
  const process = (pid: number, parent: number) => ({ pid, parent, startTime: '1', isZombie: false, waitStatus: 0 })

  const found = withDescendants(new Set([10]), [process(10, 1), process(11, 10), process(12, 11), process(13, 1)])

  assert.deepEqual([...found], [10, 11, 12])
})

test('the memory of one script is told by a mark that can be set back, or when it is the highest so far', t => {
  const dir = mkdtempSync(join(tmpdir(), 'instar-peak-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const file = join(dir, 'memory.peak')
  assert.equal(MemoryPeak.open(dir), undefined, 'no memory controller')

  // A plain file takes the word that sets the kernel's mark back.
  writeFileSync(file, '4096\n')
  const resettable = MemoryPeak.open(dir)
  assert.equal(readFileSync(file, 'utf8').slice(0, 5), 'reset')
  writeFileSync(file, '8192\n')
  assert.equal(resettable?.end(), 8192)
  resettable?.close()
})
