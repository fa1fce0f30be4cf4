import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarEvent } from '@instar/contract'
import { readProcess } from './containment/processes.ts'
import { PhonyHost, until } from './phony-host.ts'

const SCRIPTS = 25
/** How many runs are killed; more by INSTAR_CRASH_ROUNDS, where there is time. */
const ROUNDS = Number(process.env['INSTAR_CRASH_ROUNDS'] ?? 4)

function numbered(text: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: SCRIPTS }, (_, index) => [`configure.d/${index + 10}`, text]))
}

function linesOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []
}

test('kill -9 at any moment leaves a journal that tells the truth, no lock, and a next run that works', async t => {
  // Every other one takes its time, so that the run is at work for longer than we wait on any host.
  const text = 'case $INSTAR_SCRIPT in *[02468]) sleep 0.02 ;; esac; echo "out $INSTAR_SCRIPT"; echo "$INSTAR_SCRIPT" >>"$DIR/done"'
  const host = new PhonyHost(t, numbered(text))
  let interrupted = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    rmSync(join(host.dir, 'done'), { force: true })
    const { child, ended } = host.start([])
    // From the moment when the first script has ended, so that the rounds hit a run at work.
    await until('the run is at work', () => existsSync(join(host.dir, 'done')))
    await sleep(Math.random() * 150)
    child.kill('SIGKILL')
    await ended

    const run = host.latest()
    assert.ok(run.state === 'interrupted' || run.state === 'succeeded', run.state)
    if (run.state === 'interrupted') interrupted += 1
    assert.equal(run.damaged_lines, 0)
    const known = run.scripts.filter(({ exit_code }) => exit_code === 0).map(({ name }) => name)
    const open = run.scripts.filter(({ ended_at }) => ended_at === null)
    assert.ok(open.length <= 1 && open.every(script => script.interrupted))
    // The one in flight goes on until its own end, and nothing more is started after it. When the kill came between its first line and its
    // start it did not begin: the journal cannot know, and says no more than that it did not end.
    const names = run.scripts.map(({ name }) => name)
    const sure = names.slice(0, names.length - open.length)
    await until('what was sure has ended', () => linesOf(join(host.dir, 'done')).length >= sure.length)
    await sleep(300)
    const done = linesOf(join(host.dir, 'done'))
    assert.deepEqual(done, done.length === names.length ? names : sure, 'what was done is what the journal says began')
    assert.deepEqual(known, done.slice(0, known.length), 'what the journal says ended well did so')
    for (const script of run.scripts.filter(({ exit_code }) => exit_code === 0))
      assert.equal((await host.run('show', run.id, script.name, '--stream', 'stdout')).stdout, `out ${script.name}\n`)

    const next = await host.run('--resume')
    if (run.state === 'interrupted') assert.equal(next.code, 0, next.stderr)
  }
  assert.ok(interrupted > 0, 'no round hit a run at work')
})

test('what a killed run has left of its script is ended by the next run, which says so', async t => {
  const host = new PhonyHost(t, {
    'configure.d/1': '[ -e "$DIR/pid" ] && exit 0; echo $$ >"$DIR/pid"; echo begun; while :; do sleep 0.1; done',
  })
  const { child, ended } = host.start([])
  await until('the script runs', () => existsSync(join(host.dir, 'pid')) && readFileSync(join(host.dir, 'pid'), 'utf8').endsWith('\n'))
  child.kill('SIGKILL')
  await ended
  const pid = Number(readFileSync(join(host.dir, 'pid'), 'utf8'))
  const [script] = host.latest().scripts
  assert.deepEqual([host.latest().state, script?.interrupted, script?.exit_code], ['interrupted', true, null])
  assert.equal((await host.run('show', 'last', '1', '--stream', 'stdout')).stdout, 'begun\n', 'its output so far is there')
  assert.notEqual(readProcess(pid), undefined)

  const { code, stdout } = await host.run()

  assert.equal(code, 0)
  assert.match(stdout, /! configure\/1 of the interrupted run \S+ was still at work and was ended/)
  assert.equal(readProcess(pid), undefined)
})

test('a line that a crash tore is left out, and what follows it counts', async t => {
  const host = new PhonyHost(t, { 'configure.d/1': ':' })
  await host.run()
  const { id } = host.latest()

  appendFileSync(host.store.journalOf(id), '{"kind":"warning","at":"2026-')

  assert.deepEqual([host.latest().state, host.latest().damaged_lines], ['succeeded', 1])
  assert.match((await host.run('show', 'last')).stdout, /journal {4}1 unfinished lines, left out/)
})

test('a shell that somebody kills takes its script for interrupted, and the run fails', async t => {
  const host = new PhonyHost(t, { 'configure.d/1': 'kill -9 $PPID; sleep 0.3', 'configure.d/2': ':' })

  const { code } = await host.run()

  assert.equal(code, 4)
  const { state, scripts } = host.latest()
  assert.deepEqual(
    [state, scripts.length, scripts[0]?.interrupted, scripts[0]?.exit_code, scripts[0]?.signal],
    ['failed', 1, true, null, null],
  )
})

test('a reader that goes away does not stop the work', async t => {
  const host = new PhonyHost(t, numbered('echo "out $INSTAR_SCRIPT"'))
  const { child, ended } = host.start(['--json'])
  child.stdout.once('data', text => {
    InstarEvent.parse(JSON.parse(String(text).split('\n')[0]!))
    child.stdout.destroy()
  })

  assert.equal((await ended).code, 0)
  assert.equal(host.latest().scripts.length, SCRIPTS)
})
