import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { RunCgroup } from './containment/cgroup.ts'
import { readProcess } from './containment/processes.ts'
import { PhonyHost, until } from './phony-host.ts'

/** Leaves the tree by a double fork into a session of its own, drops its signals, and says who it is. */
const DAEMON = `rm -f "$DIR/daemon"
(setsid sh -c 'trap "" TERM HUP INT; echo $$ >"$DIR/daemon"; while :; do sleep 0.2; done' </dev/null >/dev/null 2>&1 &) &
while [ ! -s "$DIR/daemon" ]; do sleep 0.02; done`

// Groups that daemons kept alive are removed by the next run; here there is none.
after(async () => {
  // What a daemon was waiting for (sleep 0.2) outlives it.
  await sleep(400)
  try {
    RunCgroup.create('last').remove()
  } catch {
    // Where no group can be made, none is left.
  }
})

function daemonOf(host: PhonyHost): number {
  return Number(readFileSync(join(host.dir, 'daemon'), 'utf8'))
}

function runs(pid: number): boolean {
  const found = readProcess(pid)
  return found !== undefined && !found.isZombie
}

async function endDaemon(pid: number): Promise<void> {
  if (runs(pid)) process.kill(pid, 'SIGKILL')
  await until('the daemon is gone', () => !runs(pid))
}

/** Whether a cgroup can be made here decides whether that half of a test means something. */
async function ways(t: TestContext): Promise<('cgroup' | 'proc')[]> {
  const host = new PhonyHost(t, { 'configure.d/1': ':' })
  await host.run()
  return host.latest().containment === 'cgroup' ? ['cgroup', 'proc'] : ['proc']
}

test('a time limit leaves no process of the run behind, wherever it went', async t => {
  for (const way of await ways(t)) {
    const host = new PhonyHost(t, {
      'configure.d/10-daemon': DAEMON,
      'configure.d/20-hang': 'trap "" TERM; while :; do sleep 0.2; done',
      'configure.d/30-never': ':',
      'error.d/10': ':',
    })

    const { code, stderr } = await host.run('--containment', way, '--script-timeout', '1', '--kill-after', '0.3')

    assert.equal(code, 5, way)
    assert.match(stderr, /configure script 20-hang reached its time limit {2}\[refresh\.timed-out\]/)
    assert.equal(runs(daemonOf(host)), false, `the daemon outlived a limit (${way})`)
    const { scripts, containment } = host.latest()
    assert.equal(containment, way)
    assert.deepEqual(
      scripts.map(({ name, timed_out, signal, exit_code }) => [name, timed_out, signal ?? exit_code]),
      [
        ['10-daemon', false, 0],
        ['20-hang', true, 'SIGKILL'],
        ['10', false, 0],
      ],
    )
  }
})

test('without a cgroup a process that dropped its environment is found as long as it is in the tree', async t => {
  const host = new PhonyHost(t, {
    'configure.d/1': `env -i DIR="$DIR" PATH="$PATH" sh -c 'trap "" TERM; echo $$ >"$DIR/daemon"; while :; do sleep 0.2; done' & wait`,
  })

  assert.equal((await host.run('--containment', 'proc', '--script-timeout', '1', '--kill-after', '0.3')).code, 5)
  assert.equal(runs(daemonOf(host)), false)
})

test('a run that ends well, or fails by itself, leaves its daemons alone and names them', async t => {
  for (const way of await ways(t)) {
    const host = new PhonyHost(t, { 'configure.d/10': DAEMON, 'configure.d/20': 'exit "$CODE"' })

    for (const end of ['0', '1']) {
      await host.runWith({ CODE: end }, '--containment', way, '--script-timeout', '20', '--timeout', '20')
      const daemon = daemonOf(host)
      t.after(() => endDaemon(daemon))
      assert.equal(runs(daemon), true, `${way}, exit ${end}`)
      assert.ok(
        host.latest().left_running.some(text => text.startsWith(`${daemon} `)),
        'the journal names it',
      )
    }
  }
})

test('the time of the whole run is over between two scripts as well, and error.d has its own', async t => {
  const host = new PhonyHost(t, {
    'configure.d/1': 'sleep 0.4',
    'configure.d/2': 'sleep 0.4',
    'configure.d/3': 'sleep 20',
    'error.d/1': 'echo told',
    'error.d/2': 'sleep 20',
    'error.d/3': ':',
  })

  const { code, stdout } = await host.run('--timeout', '1', '--error-timeout', '1.5')

  assert.equal(code, 5)
  assert.match(stdout, /\| told/)
  const { scripts } = host.latest()
  assert.deepEqual(
    scripts.map(({ phase, name, timed_out }) => `${phase}/${name} ${timed_out}`),
    ['configure/1 false', 'configure/2 false', 'configure/3 true', 'error/1 false', 'error/2 true'],
  )
})

test('an environment file that hangs is ended by the limit of the run', async t => {
  const host = new PhonyHost(t, { 'environment.d/1': 'sleep 30\n', 'configure.d/1': ':' })

  const { code, stderr } = await host.run('--timeout', '0.5')

  assert.equal(code, 5)
  assert.match(stderr, /the time limit was reached in phase configure/)
})

test('a script that reached its limit is started again in a new shell', async t => {
  const host = new PhonyHost(t, {
    'environment.d/1': 'export A=1\n',
    'configure.d/1': '[ "$INSTAR_ATTEMPT" = 2 ] && echo "A is $A" && exit 0; sleep 30',
    'configure.d/2': 'echo "A is $A"',
  })

  const { code, stdout } = await host.run('--script-timeout', '1', '--retries', '1')

  assert.equal(code, 0)
  assert.match(stdout, /↻ configure: 1 reached its time limit[^\n]*\n {4}\| A is 1\n {2}✓ configure: 1 [^\n]*\n {4}\| A is 1\n/)
})

test('a signal ends the running script, nothing more is started, and the journal says cancelled', async t => {
  const host = new PhonyHost(t, {
    'configure.d/10': DAEMON,
    'configure.d/20': `trap 'echo tidied; exit 7' TERM; touch "$DIR/began"; while :; do sleep 0.05; done`,
    'configure.d/30': ':',
    'error.d/1': ':',
  })
  const { child, ended } = host.start([])
  await until('the script began', () => existsSync(join(host.dir, 'began')))

  child.kill('SIGTERM')
  const { code } = await ended

  const daemon = daemonOf(host)
  t.after(() => endDaemon(daemon))
  assert.equal(code, 143)
  assert.equal(host.latest().state, 'cancelled')
  assert.deepEqual(host.ends(), ['10 0', '20 7'])
  assert.equal(host.latest().scripts[1]?.interrupted, true)
  assert.equal(runs(daemon), true, 'the daemon of a script that ended well goes on')
  assert.equal((await host.run('show', 'last', '20', '--stream', 'stdout')).stdout, 'tidied\n')
})

test('what a time limit ended tells how it ended, and its shell says nothing in its place', async t => {
  const host = new PhonyHost(t, { 'configure.d/1': 'echo begun >&2; exec sleep 30' })

  const { stdout } = await host.run('--script-timeout', '0.5')

  const { signal, timed_out, stderr_bytes } = host.latest().scripts[0]!
  assert.deepEqual([signal, timed_out, stderr_bytes], ['SIGTERM', true, 'begun\n'.length])
  assert.doesNotMatch(stdout, /Terminated/)
})
