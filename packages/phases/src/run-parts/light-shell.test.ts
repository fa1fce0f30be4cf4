import assert from 'node:assert/strict'
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { lightShellFor } from './light-shell.ts'
import { openStarter } from './shell-starter.ts'

interface Way {
  readonly name: string
  /** Put into environment.d: an exported function keeps bash. */
  readonly environmentFile: string
}

const WAYS: readonly Way[] = [
  { name: 'the small shell', environmentFile: 'export GREETING=hello\nplain=1\n' },
  { name: 'bash, which an exported function keeps', environmentFile: 'export GREETING=hello\nf() { echo f; }\nexport -f f\n' },
]

async function started(t: TestContext, way: Way) {
  const dir = mkdtempSync(join(tmpdir(), "instar light's "))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const environmentFile = join(dir, 'environment')
  writeFileSync(environmentFile, way.environmentFile)
  const nowhere = openSync('/dev/null', 'w')
  t.after(() => closeSync(nowhere))
  const opening = await openStarter({
    name: 'starter',
    environment: { PATH: process.env['PATH'], EMPTY: '' },
    environmentFiles: [environmentFile],
    onSource: () => undefined,
    stdio: [0, nowhere, nowhere],
    keepsOutput: true,
  })
  assert.equal(opening.kind, 'ready')
  if (opening.kind !== 'ready') throw new Error('unreachable')
  t.after(() => opening.starter.close())
  const run = async (text: string, environment: Readonly<Record<string, string>> = {}) => {
    const path = join(dir, "10 it's")
    writeFileSync(path, text)
    chmodSync(path, 0o755)
    const [stdout, stderr] = [join(dir, 'a long name for what it prints'), join(dir, 'err')]
    for (const file of [stdout, stderr]) writeFileSync(file, '')
    const end = await opening.starter.run({ path, stdout, stderr, environment })
    assert.ok(end.kind === 'ended')
    return { ...end, stdout: readFileSync(stdout, 'utf8'), stderr: readFileSync(stderr, 'utf8') }
  }
  return { dir, run, program: readFileSync(`/proc/${opening.starter.pid}/comm`, 'utf8').trim() }
}

for (const way of WAYS) {
  describe(`scripts whose output is kept, by ${way.name}`, () => {
    test('have their own variables, no arguments, no descriptor of the shell, and output apart', async t => {
      const { run, dir, program } = await started(t, way)
      assert.equal(program === 'dash', way === WAYS[0] && lightShellFor({ environment: {} } as never) !== undefined)

      for (let round = 0; round < 3; round += 1) {
        const end = await run(`#!/bin/sh\necho "$0 $# $GREETING [$plain] $VALUE [$EMPTY]"; ls /proc/self/fd; echo oh >&2; exit 5\n`, {
          VALUE: `a 'b' "c" $d`,
        })
        assert.deepEqual([end.exitCode, end.signal, end.stderr], [5, null, 'oh\n'])
        assert.match(end.stdout, /^.*10 it's 0 hello \[\] a 'b' "c" \$d \[\]\n0\n1\n2\n3\n$/)
        assert.ok(end.stdout.startsWith(dir))
      }
    })

    test("a death by signal is told from an exit code, and is not in the script's output", async t => {
      const { run } = await started(t, way)

      for (const [text, exitCode, signal] of [
        ['kill -9 $$', null, 'SIGKILL'],
        ['kill -TERM $$', null, 'SIGTERM'],
        ['kill -USR1 $$', null, 'SIGUSR1'],
        ['exit 137', 137, null],
        ['exit 143', 143, null],
        ['true', 0, null],
      ] as const) {
        const end = await run(`#!/bin/sh\n${text}\n`)
        assert.deepEqual([end.exitCode, end.signal, end.stderr], [exitCode, signal, ''], text)
      }
    })

    test('text without an interpreter line is run by bash, signals have their default effect, time is counted', async t => {
      const { run } = await started(t, way)

      assert.equal((await run('[[ a == a ]] && echo "bash ${BASH_VERSION:0:1}"\n')).stdout.slice(0, 5), 'bash ')
      assert.equal(
        (await run('#!/bin/sh\ngrep -E "^Sig(Ign|Blk)" /proc/$$/status | tr -d "\\n"\n')).stdout,
        'SigBlk:\t0000000000000000SigIgn:\t0000000000000000',
      )
      const busy = await run('#!/bin/sh\ni=0; while [ $i -lt 100000 ]; do i=$((i+1)); done\n')
      assert.ok(busy.cpuMs >= 20 && busy.cpuMs <= busy.endedAt - busy.startedAt + 20, `${busy.cpuMs} ms`)
      assert.equal((await run('#!/nowhere/sh\n')).exitCode, 127)
    })
  })
}

test('an environment that the small shell would lose a part of keeps bash', () => {
  const program = lightShellFor({ environment: { A: '1' } } as never)

  assert.equal(program !== undefined, existsSync('/bin/dash') || existsSync('/usr/bin/dash'))
  assert.equal(lightShellFor({ environment: { 'BASH_FUNC_f%%': '() { :; }' } } as never), undefined)
  assert.equal(lightShellFor({ environment: { 'a-b': '1' } } as never), undefined)
  assert.equal(lightShellFor({ environment: {}, stdio: [0, 'closed', 2] } as never), undefined)
})
