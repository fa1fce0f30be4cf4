import assert from 'node:assert/strict'
import { chmodSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { InstarEvent, ScriptRun } from '@instar/contract'
import { PhonyHost, until } from './phony-host.ts'

test('runs the phases in their order, keeps what every script printed, and how it ended', async t => {
  const host = new PhonyHost(t, {
    'environment.d/10': 'export GREETING=hello\n',
    'configure.d/20-b': 'printf "two"',
    'configure.d/9-a': 'echo "$GREETING, $INSTAR_PHASE $INSTAR_SCRIPT $INSTAR_ATTEMPT"; echo careful >&2',
    'migration.d/1-m': ':',
    'pre-configure.d/1-p': ':',
  })

  const { code, stdout } = await host.run()

  assert.equal(code, 0)
  assert.match(stdout, /pre-configure\n.*\nconfigure\n {4}\| hello, configure 9-a 1\n {4}! careful\n {2}✓ configure: 9-a .*\n {4}\| two\n/)
  assert.deepEqual(host.ends(), ['1-p 0', '9-a 0', '20-b 0', '1-m 0'])
  const run = host.latest()
  assert.equal(run.state, 'succeeded')
  assert.deepEqual([run.scripts[1]?.stdout_bytes, run.scripts[1]?.stderr_bytes, run.scripts[2]?.stdout_bytes], [23, 8, 3])
  const shown = await host.run('show', 'last', 'configure/9-a')
  assert.match(shown.stdout, /^== configure 9-a, attempt 1: ended with exit code 0\nhello, configure 9-a 1\n-- stderr\ncareful\n$/)
  assert.equal((await host.run('show', run.id.slice(0, 15), '20-b', '--stream', 'stdout')).stdout, 'two')
})

test('records and events have the shapes of the contract', async t => {
  const host = new PhonyHost(t, { 'configure.d/1': 'echo out; echo err >&2', 'configure.d/2': 'kill -9 $$', 'configure.d/x.sh': ':' })

  const { stdout, code } = await host.run('--json')

  assert.equal(code, 4)
  const events = stdout
    .trim()
    .split('\n')
    .map(line => InstarEvent.parse(JSON.parse(line)))
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, index) => index + 1),
  )
  assert.deepEqual(
    events.filter(({ kind }) => kind === 'script').map(({ step, state }) => `${step} ${state}`),
    ['x.sh skipped', '1 started', '1 succeeded', '2 started', '2 failed'],
  )
  assert.deepEqual(events.at(-1)?.state, 'failed')
  const { scripts } = host.latest()
  for (const script of scripts) ScriptRun.parse(script)
  assert.deepEqual([scripts[1]?.exit_code, scripts[1]?.signal], [null, 'SIGKILL'])
  assert.match(scripts[0]?.payload_sha256 ?? '', /^[0-9a-f]{64}$/)
})

test('an exit code is not taken for a signal', async t => {
  const host = new PhonyHost(t, { 'configure.d/1': 'exit 137' })

  const { stderr } = await host.run()

  assert.match(stderr, /^hint: .* instar-refresh --resume --again /m)
  assert.deepEqual(host.ends(), ['1 137'])
})

test('after a failure error.d is told what failed, later phases do not run, and the run can go on after it', async t => {
  const host = new PhonyHost(t, {
    'configure.d/10-a': ':',
    'configure.d/20-b': 'echo "no licence" >&2; exit 3',
    'configure.d/30-c': ':',
    'migration.d/10-m': ':',
    'error.d/10-tell': 'env | grep ^OS_REFRESH_FAILED_ | sort; cat "$OS_REFRESH_FAILED_LOG"',
    'error.d/20-bad': 'exit 1',
    'error.d/30-never': ':',
  })

  const failed = await host.run()

  assert.equal(failed.code, 4)
  assert.match(failed.stderr, /^error: configure script 20-b ended with exit code 3 {2}\[refresh\.script-failed\]\n/)
  assert.deepEqual(host.ends(), ['10-a 0', '20-b 3', '10-tell 0', '20-bad 1'])
  const told = await host.run('show', 'last', '10-tell', '--stream', 'stdout')
  const log = join(host.store.folderOf(host.latest().id), 'failed.log')
  assert.equal(
    told.stdout,
    `OS_REFRESH_FAILED_EXIT_CODE=3\nOS_REFRESH_FAILED_LOG=${log}\nOS_REFRESH_FAILED_PHASE=configure\nOS_REFRESH_FAILED_SCRIPT=20-b\nOS_REFRESH_FAILED_SIGNAL=\nno licence\n`,
  )

  const resumed = await host.run('--resume')

  assert.equal(resumed.code, 0)
  assert.deepEqual(host.ends(), ['30-c 0', '10-m 0'])
  assert.deepEqual(
    host.latest().not_run.map(({ name, reason }) => `${name}: ${reason.replace(/ in run.*/, '')}`),
    ['10-a: it was done', '20-b: it ended with exit code 3'],
  )
  assert.equal((await host.run('--resume')).code, 3, 'nothing is left to go on with')
})

test('--resume --again begins with the script that failed', async t => {
  const host = new PhonyHost(t, { 'configure.d/10-a': ':', 'configure.d/20-b': '[ -e "$DIR/repaired" ]', 'configure.d/30-c': ':' })
  await host.run()
  writeFileSync(join(host.dir, 'repaired'), '')

  assert.equal((await host.run('--resume', '--again')).code, 0)
  assert.deepEqual(host.ends(), ['20-b 0', '30-c 0'])
})

test('--from and --phase choose where to begin and what to run, and refuse what is not there', async t => {
  const host = new PhonyHost(t, {
    'configure.d/10-a': ':',
    'configure.d/20-b': ':',
    'configure.d/30-c': ':',
    'migration.d/20-b': ':',
    'pre-configure.d/1': ':',
  })

  assert.equal((await host.run('--from', 'configure/20-b')).code, 0)
  assert.deepEqual(host.ends(), ['20-b 0', '30-c 0', '20-b 0'])
  assert.equal((await host.run('--phase', 'migration', '--phase', 'pre_configure')).code, 0)
  assert.deepEqual(host.ends(), ['1 0', '20-b 0'])
  const both = await host.run('--from', '20-b')
  assert.equal(both.code, 2)
  assert.match(both.stderr, /2 phases have a script "20-b": configure, migration/)
  assert.match((await host.run('--from', 'nothing')).stderr, /refresh\.unknown-script/)
  assert.match((await host.run('--phase', 'tomorrow')).stderr, /unknown phase "tomorrow"; there are pre-configure/)
})

test('--plan tells what will run, what will fail and what will not run and why, and runs nothing', async t => {
  const host = new PhonyHost(t, {
    'environment.d/10': '',
    'configure.d/10-a': 'touch "$DIR/ran"',
    'configure.d/10-b': '#!/nowhere/sh\n',
    'configure.d/20-crlf': '#!/bin/sh\r\n:\r\n',
    'configure.d/30-plain': ':',
    'configure.d/note.txt': ':',
    'configure.d/dir/x': ':',
  })
  chmodSync(join(host.base, 'configure.d/30-plain'), 0o640)
  symlinkSync('nowhere', join(host.base, 'configure.d/40-link'))

  const { code, stdout } = await host.run('--plan', '--parallel')
  const json = JSON.parse((await host.run('--plan', '--json')).stdout)

  assert.equal(code, 0)
  assert.match(
    stdout,
    /configure: 3 run, 4 do not\n {2}env {2}environment.d\/10\n {4}1 {2}10-a {2}\+ {2}10-b \(will fail: its interpreter \/nowhere\/sh /,
  )
  assert.match(stdout, /20-crlf \(will fail: .*CRLF/)
  assert.match(stdout, /30-plain: it may not be executed \(mode 0640\)\n {4}– {2}40-link: it is a link that leads nowhere\n/)
  assert.match(stdout, /dir: it is no regular file\n.*note\.txt: its name does not fit/)
  assert.match(stdout, /no directory: pre-configure.d, post-configure.d, migration.d/)
  assert.deepEqual(
    json.phases[0].will_fail.map(({ name }: { name: string }) => name),
    ['10-b', '20-crlf'],
  )
  assert.equal(existsSync(join(host.dir, 'ran')), false)
  assert.equal(existsSync(host.store.dir), false)
})

test('a script that cannot be started says why', async t => {
  const host = new PhonyHost(t, { 'configure.d/1': '#!/nowhere/sh\n' })

  assert.match((await host.run()).stderr, /configure script 1 ended with exit code 127: its interpreter \/nowhere\/sh does not exist/)
})

test('a failing script is started again as often as --retries says, and each attempt is kept', async t => {
  const host = new PhonyHost(t, { 'configure.d/1': 'echo "$INSTAR_ATTEMPT" >>"$DIR/tries"; [ "$INSTAR_ATTEMPT" = 3 ]' })

  assert.equal((await host.run('--retries', '1')).code, 4)
  assert.equal((await host.run('--retries', '5')).code, 0)

  assert.equal(readFileSync(join(host.dir, 'tries'), 'utf8'), '1\n2\n1\n2\n3\n')
  assert.deepEqual(host.ends(), ['1 1', '1 1', '1 0'])
})

test('an environment file that fails fails its phase, and what it printed is kept', async t => {
  const host = new PhonyHost(t, { 'environment.d/10': 'echo from the file >&2; false\n', 'configure.d/1': ':' })

  const { code, stderr } = await host.run()

  assert.equal(code, 4)
  assert.match(stderr, /environment file .*environment\.d\/10 of phase configure failed with exit code 1/)
  assert.match(readFileSync(join(host.store.folderOf(host.latest().id), 'failed.log'), 'utf8'), /from the file/)
  assert.deepEqual(host.latest().scripts, [])
})

test('a script that an earlier one removed is left out, and one that was added to a later phase runs', async t => {
  const host = new PhonyHost(t, {
    'configure.d/1': 'rm "$(dirname "$0")/2"; mkdir "$(dirname "$0")/../migration.d"; cp "$0" "$(dirname "$0")/../migration.d/3"; exit 0',
    'configure.d/2': ':',
  })

  await host.run()

  assert.deepEqual(
    host.latest().scripts.map(({ phase, name }) => `${phase}/${name}`),
    ['configure/1', 'migration/3'],
  )
  assert.deepEqual(host.latest().not_run, [{ phase: 'configure', name: '2', reason: 'removed meanwhile' }])
})

test('a phase that cannot be read fails the run, and a base that is not there is no failure', async t => {
  const host = new PhonyHost(t, { 'configure.d': 'a file' })

  const failed = await host.run()
  rmSync(host.base, { recursive: true })
  const empty = await host.run()

  assert.equal(failed.code, 1)
  assert.match(failed.stderr, /cannot read .*configure\.d: not a directory/)
  assert.equal(empty.code, 0)
})

test('while another run has the lock nothing begins', async t => {
  const host = new PhonyHost(t, { 'configure.d/1': 'touch "$DIR/began"; while [ -e "$DIR/began" ]; do sleep 0.05; done' })
  const first = host.start([])
  await until('the first run began', () => existsSync(join(host.dir, 'began')))

  const second = await host.run()

  assert.equal(second.code, 75)
  assert.match(second.stderr, /another run holds the lock .*\[refresh\.locked\]/)
  assert.equal(host.latest().state, 'running')
  rmSync(join(host.dir, 'began'))
  assert.equal((await first.ended).code, 0)
  assert.equal(host.store.list().length, 1)
})

test('wrong words are refused with exit code 2 before anything is made', async t => {
  const host = new PhonyHost(t, {})

  for (const words of [
    ['--nonsense'],
    ['extra'],
    ['--retries', '-1'],
    ['--timeout', 'soon'],
    ['--again'],
    ['show'],
    ['--containment', 'jail'],
  ])
    assert.equal((await host.run(...words)).code, 2, words.join(' '))
  assert.equal(existsSync(host.store.dir), false)
})
