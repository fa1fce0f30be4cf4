import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { createLocalTime } from './local-time.ts'
import { lightShellFor } from './light-shell.ts'
import { openStarter } from './shell-starter.ts'

const hasLightShell = lightShellFor({ environment: {} } as never) !== undefined

/** Prints the open descriptors, but for those that we pass on from our own caller. */
const inherited = spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' })
  .stdout.split('\n')
  .filter(fd => Number(fd) > 9)
const listDescriptors = `ls /proc/self/fd | grep -vxE '${inherited.join('|') || 'none'}' | tr '\\n' ' '; echo`

interface Way {
  readonly name: string
  /** What is put into environment.d, where there is one. */
  readonly environmentFile?: string
  /** Whether the small shell starts the scripts, where there is one. */
  readonly isLight: boolean
}

const WAYS: readonly Way[] = [
  { name: 'the small shell alone', isLight: true },
  { name: 'the small shell after bash', environmentFile: 'plain=1\n', isLight: true },
  { name: 'bash, which an exported function keeps', environmentFile: 'f() { echo f; }\nexport -f f\n', isLight: false },
]

async function started(t: TestContext, way: Way, environment: Readonly<Record<string, string>> = {}) {
  const dir = mkdtempSync(join(tmpdir(), "instar light's "))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const environmentFile = join(dir, 'environment')
  writeFileSync(environmentFile, way.environmentFile ?? '')
  const nowhere = openSync('/dev/null', 'w')
  t.after(() => closeSync(nowhere))
  const opening = await openStarter({
    name: 'starter',
    environment: { PATH: process.env['PATH'], EMPTY: '', GREETING: 'hello', ...environment },
    environmentFiles: way.environmentFile === undefined ? [] : [environmentFile],
    onSource: () => undefined,
    stdio: [0, nowhere, nowhere],
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
  return { dir, run, starter: opening.starter, program: readFileSync(`/proc/${opening.starter.pid}/comm`, 'utf8').trim() }
}

for (const way of WAYS) {
  describe(`scripts whose output is kept, by ${way.name}`, () => {
    test('have their own variables, no arguments, no descriptor of the shell, and output apart', async t => {
      const { run, dir, program } = await started(t, way)
      assert.equal(program === 'dash', way.isLight && hasLightShell)

      for (let round = 0; round < 3; round += 1) {
        const end = await run(`#!/bin/sh\necho "$0 $# $GREETING [$plain] $VALUE [$EMPTY]"; ${listDescriptors}; echo oh >&2; exit 5\n`, {
          VALUE: `a 'b' "c" $d`,
        })
        assert.deepEqual([end.exitCode, end.signal, end.stderr], [5, null, 'oh\n'])
        assert.match(end.stdout, /^.*10 it's 0 hello \[\] a 'b' "c" \$d \[\]\n0 1 2 3 \n$/)
        assert.ok(end.stdout.startsWith(dir))
      }
    })

    test("a death by signal is told from an exit code, and is not in the script's output", async t => {
      const { run } = await started(t, way)

      for (const [text, exitCode, signal] of [
        ['kill -9 $$', null, 'SIGKILL'],
        ['kill -TERM $$', null, 'SIGTERM'],
        ['kill -USR1 $$', null, 'SIGUSR1'],
        ['kill -SEGV $$', null, 'SIGSEGV'],
        ['kill -37 $$', null, 'SIGRTMIN+3'],
        ['exit 137', 137, null],
        ['exit 143', 143, null],
        ['true', 0, null],
      ] as const) {
        const end = await run(`#!/bin/sh\n${text}\n`)
        assert.deepEqual([end.exitCode, end.signal, end.stderr], [exitCode, signal, ''], text)
      }
    })

    if (way.environmentFile !== undefined)
      test('a death is seen where the file for stderr may not grow', async t => {
        const { run } = await started(t, { ...way, environmentFile: `${way.environmentFile}ulimit -f 1\n` })

        for (const [text, signal, bytes] of [
          ['exec head -c 3000 /dev/zero >&2', 'SIGXFSZ', 1024],
          ['head -c 1000 /dev/zero >&2; kill -9 $$', 'SIGKILL', 1000],
          ['exit 2', null, 0],
          ['kill -9 $$', 'SIGKILL', 0],
          ['exit 137', null, 0],
        ] as const) {
          const end = await run(`#!/bin/sh\n${text}\n`)
          assert.deepEqual([end.signal, end.stderr.length], [signal, bytes], text)
        }
      })

    test("what a script's own shell says of a death stays, and the script's exit code is one", async t => {
      const { run } = await started(t, way)

      for (let round = 0; round < 2; round += 1) {
        const killed = await run("#!/bin/sh\nprintf 'no end of line' >&2; kill -9 $$\n")
        assert.deepEqual([killed.exitCode, killed.signal, killed.stderr], [null, 'SIGKILL', 'no end of line'])
        const told = await run("#!/bin/sh\nsh -c 'kill -9 $$'\nexit $?\n")
        assert.deepEqual([told.exitCode, told.signal], [137, null])
        assert.match(told.stderr, /Killed\b.*\n$/)
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

/** Variables that mean something to a shell; those of which bash complains when they hold rubbish are left out. */
const NAMES =
  'BASH BASHOPTS BASHPID BASH_ARGV0 BASH_SUBSHELL BASH_VERSION CHILD_MAX COLUMNS COMP_WORDBREAKS DIRSTACK EMACS ENV EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD HISTSIZE HOME HOSTNAME HOSTTYPE IFS IGNOREEOF LINENO LINES MAIL MAILTO OPTARG OPTERR OPTIND OSTYPE PIPESTATUS POSIXLY_CORRECT PPID PROMPT_COMMAND PS1 PS2 PS3 PS4 RANDOM REPLY SECONDS SHELL SRANDOM TERM TIMEFORMAT TMOUT TMPDIR UID USER _'.split(
    ' ',
  )

const VALUES = [
  '',
  '0',
  '1',
  '7',
  '41',
  '998',
  '999',
  '5000',
  '-3',
  'abc',
  '/tmp',
  '/tmp/',
  '/usr/bin/..',
  '/nowhere',
  'a:b',
  "it's\nso",
  process.cwd(),
]

describe('the small shell leaves scripts what bash leaves them', () => {
  const [alone, after, bash] = WAYS as readonly [Way, Way, Way]

  /** What a script sees, but for what tells the ways apart by design. */
  const seen = async (t: TestContext, way: Way, environment: Readonly<Record<string, string>>) => {
    const { run, dir } = await started(t, way, environment)
    const end = await run(`#!/bin/sh\n${listDescriptors}; umask; pwd; env -0 | sort -z | tr "\\0" "\\n"\n`)
    assert.equal(end.exitCode, 0)
    return end.stdout
      .replaceAll(dir, 'DIR')
      .replaceAll(/^BASH_FUNC_f%%=.*\n}\n/gms, '')
      .replaceAll(/^EPOCH.*$/gm, 'EPOCH')
  }

  test('the environment, whatever bash makes of it', async t => {
    const value = fc.constantFrom(...VALUES)
    const environment = fc.dictionary(fc.constantFrom('PWD', 'OLDPWD', 'SHLVL', ...NAMES), value, { maxKeys: 12 })
    const property = fc.asyncProperty(environment, async given => {
      const expected = await seen(t, bash, given)
      for (const way of [alone, after]) assert.equal(await seen(t, way, given), expected, way.name)
    })
    await fc.assert(property, { numRuns: 40 })
  })

  test('exit code and words of what does not start, and of what starts in odd ways', async t => {
    const texts = {
      'no interpreter line': 'echo "$0 $# ${BASH_VERSION:+bash} $SHLVL"',
      empty: '',
      'no such interpreter': '#!/no/such\n',
      'an interpreter in vain': '#!\necho "${BASH_VERSION:+bash}"\n',
      CRLF: '#!/bin/sh\r\necho no\r\n',
      'a folder for an interpreter': '#!/tmp\n',
      'a text for an interpreter': '#!/etc/passwd\n',
      'an interpreter by a relative path': '#!no/such\n',
      'another program': '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x08\0',
      'the head of a program': '\x7fELF\n',
      rubbish: 'a\0b\n',
      'an argument': '#!/bin/sh -e\nfalse\n',
      'a program by its interpreter': '#! /usr/bin/env sh\necho $SHLVL; exit 3\n',
    }
    const ends = async (way: Way) => {
      const { run, dir } = await started(t, way)
      const all: Record<string, unknown> = {}
      for (const [name, text] of Object.entries(texts)) {
        const { exitCode, stdout, stderr } = await run(text)
        all[name] = [
          exitCode,
          stdout.replaceAll(dir, 'DIR'),
          stderr.replaceAll(dir, 'DIR').replaceAll(/^(starter|main):( line \d+:)?/gm, 'SHELL:'),
        ]
      }
      return all
    }
    const expected = await ends(bash)
    for (const way of [alone, after]) assert.deepEqual(await ends(way), expected, way.name)
  })
})

describe('a series of scripts', () => {
  for (const way of WAYS) {
    test(`stops where it is told to, by ${way.name}`, async t => {
      for (const [how, kind] of [
        ['end', 'stopped'],
        ['TERM', 'stopped'],
        ['fail', 'failed'],
        ['remove', 'done'],
        ['nothing', 'done'],
      ] as const) {
        const { dir, starter } = await started(t, way)
        const directory = join(dir, how)
        mkdirSync(directory)
        const plant = (name: string, text: string) =>
          writeFileSync(join(directory, name), `#!/bin/sh\n${text}\necho "\${0##*/}" >>ran\n`, { mode: 0o755 })
        const act = { end: ': >begun; sleep 0.5', TERM: 'kill -TERM $PPID', fail: 'exit 7', remove: 'rm 2', nothing: '' }[how]
        plant('1', `cd "${directory}"; ${act}`)
        for (const name of ['2', '3']) plant(name, `cd "${directory}"`)
        const [started_, completed]: [string[], string[]] = [[], []]
        const series = starter.runSeries({
          directory,
          names: ['1', '2', '3'],
          announcer: 'starter',
          time: createLocalTime({ TZ: 'UTC' }),
          onStart: name => started_.push(name),
          onCompleted: name => completed.push(name),
        })
        if (how === 'end') {
          while (!existsSync(join(directory, 'begun'))) await new Promise(resolve => setTimeout(resolve, 5))
          starter.endSeries()
        }
        const end = await series
        assert.equal(end.kind, kind, how)
        const ran = existsSync(join(directory, 'ran')) ? readFileSync(join(directory, 'ran'), 'utf8').split('\n').slice(0, -1) : []
        assert.deepEqual(ran, { end: ['1'], TERM: ['1'], fail: [], remove: ['1', '3'], nothing: ['1', '2', '3'] }[how], how)
        assert.deepEqual(completed, ran, how)
        if (end.kind === 'failed') assert.deepEqual([end.name, end.code, end.exitCode, end.signal], ['1', 7, 7, null])
      }
    })
  }
})

test('bash stays when an environment file leaves what the small shell would lose', async t => {
  for (const [environmentFile, isLight] of [
    ['export A=1\nB=2\nexec 3>/dev/null\n', true],
    ['exec 7>/dev/null\n', false],
    ['export IFS=,\n', false],
    ['export PS1=x\n', false],
    ['f() { :; }\n', true],
  ] as const) {
    const { program } = await started(t, { name: '', environmentFile, isLight })

    assert.equal(program === 'dash', isLight && hasLightShell, environmentFile)
  }
})

test('an environment that the small shell would lose a part of keeps bash', () => {
  assert.equal(lightShellFor({ environment: { 'BASH_FUNC_f%%': '() { :; }' } } as never), undefined)
  assert.equal(lightShellFor({ environment: { 'a-b': '1' } } as never), undefined)
  assert.equal(lightShellFor({ environment: {}, stdio: [0, 'closed', 2] } as never), undefined)
})
