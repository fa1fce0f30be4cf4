import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { PhonyHost } from './phony-host.ts'

const FILES = {
  'configure.d/10-a': 'echo a >>"$DIR/done"',
  'configure.d/20-reboot': 'echo reboot >>"$DIR/done"; exit 194',
  'configure.d/30-c': 'echo c >>"$DIR/done"',
  'migration.d/10-m': 'echo m >>"$DIR/done"',
}

function done(host: PhonyHost): string {
  return readFileSync(join(host.dir, 'done'), 'utf8').replaceAll('\n', ' ').trim()
}

test('a script asks for a reboot: the machine is told to, and after it the same run goes on with the next script', async t => {
  const host = new PhonyHost(t, FILES)
  const words = ['--reboot', '--reboot-command', `echo rebooting >>"$DIR/done"`]

  const first = await host.runWith({ INSTAR_BOOT_ID: 'one' }, ...words)

  assert.equal(first.code, 194)
  assert.match(
    first.stdout,
    /✓ configure: 20-reboot asks for a reboot .*\n.*20-reboot asked for a reboot, which is under way: the run goes on after it/,
  )
  assert.equal(done(host), 'a reboot rebooting')
  assert.equal(host.latest().state, 'waiting_for_reboot')
  assert.ok(existsSync(join(host.store.dir, 'after-reboot')), 'the unit that goes on at boot looks for it')
  const { id } = host.latest()

  const early = await host.runWith({ INSTAR_BOOT_ID: 'one' })

  assert.equal(early.code, 3)
  assert.match(early.stderr, /waits for the reboot that configure\/20-reboot asked for {2}\[refresh\.waits-for-reboot\]/)

  const second = await host.runWith({ INSTAR_BOOT_ID: 'two' })

  assert.equal(second.code, 0)
  assert.equal(done(host), 'a reboot rebooting c m')
  assert.equal(host.latest().id, id)
  assert.equal(host.latest().state, 'succeeded')
  assert.deepEqual(host.ends(), ['10-a 0', '20-reboot 194', '30-c 0', '10-m 0'])
  assert.equal(existsSync(join(host.store.dir, 'after-reboot')), false)
  assert.equal((await host.runWith({ INSTAR_BOOT_ID: 'two' })).code, 194, 'then a run begins anew')
})

test('where no reboot is allowed the run stops all the same, and goes on after one', async t => {
  const host = new PhonyHost(t, FILES)

  assert.equal((await host.run('--reboot-command', 'touch "$DIR/rebooted"')).code, 194)
  assert.equal(existsSync(join(host.dir, 'rebooted')), false)
  assert.equal((await host.run('--resume')).code, 0, '--resume goes on without a reboot')
  assert.equal(done(host), 'a reboot c m')
})

test('another process table is another boot: a container that shares the kernel goes on too', async t => {
  const program = 'unshare'
  const words = ['--pid', '--fork', '--mount-proc']
  if (spawnSync(program, [...words, 'true']).status !== 0) {
    assert.notEqual(process.env['INSTAR_REQUIRE'], 'all', 'needs the right to make a namespace of processes')
    return t.skip('no right to make a namespace of processes')
  }
  const host = new PhonyHost(t, FILES)
  await host.run()
  const main = join(import.meta.dirname, 'main.ts')

  const { status, stderr } = spawnSync(
    program,
    [...words, process.execPath, '--disable-warning=ExperimentalWarning', main, '--base', host.base, '--lockfile', join(host.dir, 'lock')],
    { env: { ...process.env, INSTAR_STATE_DIR: join(host.dir, 'state'), DIR: host.dir }, encoding: 'utf8' },
  )

  assert.equal(status, 0, stderr)
  assert.equal(done(host), 'a reboot c m')
})

test('--new gives a run that waits up, and says so in its journal', async t => {
  const host = new PhonyHost(t, FILES)
  await host.run()
  const { id } = host.latest()
  host.write('configure.d/20-reboot', ':')

  assert.equal((await host.run('--new')).code, 0)
  assert.equal(host.store.find(id).state, 'cancelled')
  assert.notEqual(host.latest().id, id)
})

test('a machine is not rebooted again and again', async t => {
  const host = new PhonyHost(t, { 'configure.d/1': 'exit 194' })
  const words = ['--reboot', '--reboot-command', 'echo >>"$DIR/reboots"', '--max-reboots', '2']
  const codes: (number | null)[] = []
  for (const boot of ['1', '2', '3', '4', '5', '6']) codes.push((await host.runWith({ INSTAR_BOOT_ID: boot }, ...words)).code)

  // Every second start goes on with the run before it, which then is done.
  assert.deepEqual(codes, [194, 0, 194, 0, 1, 1])
  assert.equal(readFileSync(join(host.dir, 'reboots'), 'utf8'), '\n\n')
  assert.equal(host.latest().error?.code, 'refresh.too-many-reboots')
})

test('a reboot command that fails fails the run, which --resume goes on with', async t => {
  const host = new PhonyHost(t, FILES)

  const { code, stderr } = await host.run('--reboot', '--reboot-command', 'exit 9')

  assert.equal(code, 1)
  assert.match(stderr, /the command that reboots \(exit 9\) ended with 9 {2}\[refresh\.reboot-failed\]/)
  assert.equal((await host.run('--resume')).code, 0)
  assert.equal(done(host), 'a reboot c m')
})

test('what the run has used of its time before the reboot counts after it', async t => {
  const host = new PhonyHost(t, { 'configure.d/1': 'sleep 0.6; exit 194', 'configure.d/2': 'sleep 0.6' })
  await host.runWith({ INSTAR_BOOT_ID: 'one' }, '--timeout', '1')

  assert.equal((await host.runWith({ INSTAR_BOOT_ID: 'two' })).code, 5)
})

test('in error.d the code is a failure like another', async t => {
  const host = new PhonyHost(t, { 'configure.d/1': 'exit 1', 'error.d/1': 'exit 194', 'error.d/2': ':' })

  assert.equal((await host.run('--reboot', '--reboot-command', 'touch "$DIR/rebooted"')).code, 4)
  assert.equal(existsSync(join(host.dir, 'rebooted')), false)
  assert.deepEqual(host.ends(), ['1 1', '1 194'])
})
