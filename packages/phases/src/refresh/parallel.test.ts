import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PhonyHost } from './phony-host.ts'

/** Waits until the others of its number have begun too: alone it fails. */
const meet = (count: number) =>
  `: >"$DIR/$INSTAR_SCRIPT"; i=0; while [ "$(ls "$DIR" | grep -c '^10-')" -lt ${count} ]; do i=$((i+1)); [ $i -lt 400 ] || exit 1; sleep 0.05; done; echo "I am $INSTAR_SCRIPT"; echo "$INSTAR_SCRIPT" >&2`

test('scripts with equal numbers run at the same time, each with its own output', async t => {
  const host = new PhonyHost(t, {
    'configure.d/10-a': meet(3),
    'configure.d/010-b': meet(2).replace('"$DIR/$INSTAR_SCRIPT"', '"$DIR/10-b"'),
    'configure.d/10-c': meet(3),
    'configure.d/20-d': '[ -e "$DIR/10-a" ] && [ -e "$DIR/10-c" ]',
  })

  const { code, stdout } = await host.run('--parallel', '--jobs', '3')

  assert.equal(code, 0)
  assert.deepEqual(host.ends().toSorted(), ['010-b 0', '10-a 0', '10-c 0', '20-d 0'])
  assert.match(stdout, /^ {4}10-a \| I am 10-a$/m)
  for (const name of ['10-a', '010-b', '10-c']) {
    assert.equal((await host.run('show', 'last', name, '--stream', 'stdout')).stdout, `I am ${name}\n`)
    assert.equal((await host.run('show', 'last', name, '--stream', 'stderr')).stdout, `${name}\n`)
  }
})

test('no more than --jobs run at a time, and without --parallel one', async t => {
  const overlap = 'mkdir "$DIR/busy" || exit 1; sleep 0.1; rmdir "$DIR/busy"'
  const host = new PhonyHost(t, { 'configure.d/10-a': overlap, 'configure.d/10-b': overlap, 'configure.d/10-c': overlap })

  assert.equal((await host.run('--parallel', '--jobs', '1')).code, 0)
  assert.equal((await host.run()).code, 0)
  assert.equal((await host.run('--parallel', '--jobs', '3')).code, 4, 'three at a time meet')
})

test('when one fails the others of its number end, no later one begins, and --resume runs what did not', async t => {
  const host = new PhonyHost(t, {
    'configure.d/10-a': 'while [ ! -e "$DIR/b" ]; do sleep 0.02; done; exit 1',
    'configure.d/10-b': 'touch "$DIR/b"; sleep 0.5',
    'configure.d/10-c': ':',
    'configure.d/20-d': ':',
  })

  const { code } = await host.run('--parallel', '--jobs', '2')
  assert.equal(code, 4)
  assert.deepEqual(host.ends().toSorted(), ['10-a 1', '10-b 0'])

  assert.equal((await host.run('--resume', '--parallel')).code, 0)
  assert.deepEqual(host.ends(), ['10-c 0', '20-d 0'])
})

test('a limit that one reaches ends the others, and tells which it was', async t => {
  const host = new PhonyHost(t, { 'configure.d/10-a': 'sleep 30', 'configure.d/10-b': 'sleep 0.8; exec sleep 30', 'configure.d/20': ':' })

  const { code, stderr } = await host.run('--parallel', '--jobs', '2', '--script-timeout', '1.2', '--kill-after', '0.2')

  assert.equal(code, 5)
  assert.match(stderr, /script 10-[ab] reached its time limit/)
  assert.equal(host.latest().scripts.length, 2)
  assert.ok(host.latest().scripts.every(({ timed_out, interrupted }) => timed_out || interrupted))
})
