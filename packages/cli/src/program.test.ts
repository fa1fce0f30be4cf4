import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { InstarEvent, Run, ScriptRun } from '@instar/contract'
import { thisProcess } from '@instar/machine'
import { exitCodeOf, reportError } from '@instar/phases/text'
import { createEmitter } from './morph/emitter.ts'
import { RunStore } from './runs/run-store.ts'
import { createScriptFiles } from './runs/script-files.ts'
import { createTestProgram } from './test-program.fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-cli-'))
after(() => rmSync(dir, { recursive: true }))

const program = (...argv: string[]) => createTestProgram({ dir }, argv)

function script(path: string, text = 'true\n'): string {
  mkdirSync(join(dir, path, '..'), { recursive: true })
  writeFileSync(join(dir, path), text)
  return join(dir, path)
}

test('a plan shows what runs in which order, and each that does not with its reason', async () => {
  script('folder/osmorphing-post-os-mount/20-b')
  script('folder/osmorphing-post-os-mount/3-a')
  script('folder/osmorphing-post-os-mount/10-w.windows', 'dir\r\n')
  script('folder/replica_first_boot/notes.txt')
  const own = script('own.sh')
  const flags = ['--json', '--user-scripts-dir', join(dir, 'folder'), '--script', `${own},retries=2`]
  const shared = ['--user-script-global', `linux=${own},phase=replica-first-boot`, '--user-script-instance', `db=${own}`]
  const { written, run } = program('plan', 'web.qcow2', ...flags, ...shared)

  assert.equal(await run(), 0)

  const plan = JSON.parse(written.stdout)
  assert.equal(plan.instance, 'web')
  assert.deepEqual(
    plan.run.map((row: { name: string; order: number; source: string; retries: number }) => [row.name, row.order, row.source, row.retries]),
    [
      ['3-a', 1, 'dir', 0],
      ['20-b', 2, 'dir', 0],
      ['own.sh', 3, 'instance', 2],
    ],
  )
  assert.deepEqual(
    plan.not_run.map((row: { not_run_because: string }) => row.not_run_because.split(';')[0]),
    ['is for machine db', 'is for windows', 'shadowed: the machine has scripts of its own (--merge runs both)'],
  )
  assert.equal(plan.ignored_files[0].path, join(dir, 'folder/replica_first_boot/notes.txt'))
})

test('a script that is not UTF-8 is refused with file and byte, an unreadable one by name', async () => {
  writeFileSync(join(dir, 'latin1.sh'), Buffer.from('echo gr\xfc\xdfe\n', 'latin1'))

  await assert.rejects(program('plan', 'x', '--script', join(dir, 'latin1.sh')).run(), {
    code: 'script.not-text',
    message: /latin1\.sh is not UTF-8 text: byte 7 is 0xfc/,
  })
  await assert.rejects(program('plan', 'x', '--script', join(dir, 'none.sh')).run(), { code: 'script.unreadable', message: /none\.sh/ })
})

test('morph refuses before it touches anything: scripts of a skipped phase, outputs that do not fit, devices without a minion', async () => {
  const own = script('own.sh')

  await assert.rejects(program('morph', 'x', '--skip-os-morphing', '--script', own).run(), { code: 'morph.scripts-skipped' })
  await assert.rejects(program('morph', 'a', 'b', '--output', 'c').run(), { message: /1 outputs are given for 2 images/ })
  await assert.rejects(program('morph', 'a', '--device', '/dev/sdb').run(), { message: /--device names disks of a --minion/ })
  await assert.rejects(program('morph').run(), { message: /no image is given/ })
  await assert.rejects(program('morph', 'a', './a').run(), { message: /is given twice/ })
  await assert.rejects(program('morph', 'a', '--skip-os-morphing', '--install', 'nano').run(), { message: /--install would do nothing/ })
  for (const flag of ['--install', '--remove']) {
    await assert.rejects(program('morph', 'a', flag, 'nano vim').run(), {
      code: 'usage.bad-argument',
      message: '"nano vim" is no package name',
    })
  }
  await assert.rejects(program('morph', 'a', '--output-format', 'vmdk').run(), {
    message: /--output-format is about the files that --output/,
  })
  await assert.rejects(program('morph', 'a', '--force').run(), { message: /--force is about the files that --output/ })
  const minion = ['morph', '--minion', 'ssh://root@10.0.0.5', '--device', '/dev/vdb']
  await assert.rejects(program(...minion, '--keep-on-error').run(), { message: /there is no layer to keep/ })
})

for (const [argv, message, help] of [
  [['mroph'], "unknown command 'mroph'; did you mean morph?", 'instar'],
  [['transfer', 'exceute'], "unknown command 'exceute'; did you mean execute?", 'instar transfer'],
  [['transfer', 'list', '--limt', '1'], "unknown option '--limt'; did you mean --limit?", 'instar transfer list'],
  [['transfer', 'show'], "missing required argument 'transfer'", 'instar transfer show'],
  [['user', 'role', 'add', 'bob', 'reader'], "required option '--in <project>' not specified", 'instar user role add'],
  [
    ['user', 'list', '-f', 'xml'],
    "option '-f, --format <format>' argument 'xml' is invalid. Allowed choices are table, json, yaml, csv, value.",
    'instar user list',
  ],
] as const) {
  test(`a usage error has exit code 2, a code, and a hint that names the help: ${argv.join(' ')}`, async () => {
    const { written, runAndReport } = program(...argv)

    assert.equal(await runAndReport(), 2)
    assert.deepEqual(written, { stdout: '', stderr: `error: ${message}  [usage.bad-argument]\nhint: See ${help} --help.\n` })
  })
}

test('help takes all words of a command; a noun without a verb shows its help and gives 2', async () => {
  const helps = await Promise.all(
    ['help transfer execute', 'transfer execute --help', 'transfer help execute', 'help', '--help', 'transfer'].map(async line => {
      const { written, run } = program(...line.split(' '))
      return [await run(), written.stdout + written.stderr] as const
    }),
  )
  const [byWords, byFlag, byNoun, bare, flag, noun] = helps

  assert.match(byWords![1], /^Usage: instar transfer execute /)
  assert.deepEqual([byWords, byNoun], [byFlag, byFlag])
  assert.deepEqual(bare, flag)
  assert.equal(noun![0], 2)
  assert.match(noun![1], /^Usage: instar transfer /)
})

test('memory that no virtual machine works with is refused at once', async () => {
  for (const [least, ...argv] of [
    [96, 'check', 'x', '--memory', '1'],
    [96, 'morph', '--resume', 'last', '--memory', '95'],
    [16, 'boot', 'x', '--memory', '0'],
  ] as const) {
    const { written, runAndReport } = program(...argv)

    assert.equal(await runAndReport(), 2)
    assert.ok(written.stderr.includes(`MiB are too few for it to work; the least is ${least}.`), written.stderr)
  }
  await assert.rejects(program('check', join(dir, 'none.raw'), '--memory', '96').run(), { code: 'image.not-found' })
})

const saved: Run = {
  version: 1,
  id: '20260102-0304-abcdef',
  instance: 'web',
  state: 'failed',
  argv: ['morph', 'web.qcow2'],
  options: {},
  cwd: dir,
  images: ['/images/web.qcow2'],
  owner: thisProcess(),
  started_at: '2026-01-02T03:04:05Z',
  ended_at: '2026-01-02T03:04:25Z',
  error: { code: 'script.failed', message: 'a script failed', because: ['of that'], hint: 'mend it', details: {} },
}
const attempt: ScriptRun = {
  version: 1,
  id: 'a1',
  run_id: saved.id,
  phase: 'osmorphing_post_os_mount',
  source: 'dir',
  name: '10-x',
  order: 1,
  attempt: 1,
  started_at: '2026-01-02T03:04:06Z',
  ended_at: null,
  exit_code: null,
  signal: null,
  timed_out: false,
  interrupted: false,
  stdout_bytes: 0,
  stderr_bytes: 0,
  payload_sha256: '',
}

test('records are listed, shown and their output printed, by the beginning of an id or "last"', async () => {
  const store = new RunStore(join(dir, 'state'))
  await store.save(saved)
  const log = await createScriptFiles(store.folderOf(saved.id)).open(attempt, 'exit 3\n')
  await log.write('stdout', Buffer.from('hello\n'))
  await log.write('stderr', Buffer.from('oh no\n'))
  await log.close({ ...attempt, ended_at: '2026-01-02T03:04:07Z', exit_code: 3, stdout_bytes: 6, stderr_bytes: 6 })

  const list = program('run', 'list')
  await list.run()
  const show = program('run', 'show', '20260102')
  await show.run()
  const output = program('script', 'log', 'last', '10-x')
  await output.run()
  const raw = program('script', 'log', 'last', '--stream', 'stderr')
  await raw.run()

  assert.match(list.written.stdout, /20260102-0304-abcdef {2}failed {2}web .* a script failed/)
  assert.match(show.written.stdout, /10-x {4}1 {8}exit 3 {2}1\.0 s {2}6 B out, 6 B err/)
  assert.match(
    show.written.stdout,
    /error: a script failed {2}\[script\.failed\]\nbecause: of that\nhint: mend it\nsee: instar script log 20260102-0304-abcdef\n$/,
  )
  assert.equal(output.written.stdout, '== osmorphing_post_os_mount 1: 10-x, attempt 1: exit 3\nhello\n-- stderr\noh no\n')
  assert.equal(raw.written.stdout, 'oh no\n')
  await assert.rejects(program('script', 'log', 'last', 'nope').run(), { code: 'run.unknown', hint: 'Its scripts are: 10-x.' })
  await assert.rejects(program('run', 'show', '1999').run(), { code: 'run.unknown' })
})

test('a run that went on though scripts failed names them in the list and where it is shown', async () => {
  const store = new RunStore(join(dir, 'state'))
  const ended = { phase: attempt.phase, order: 1, attempt: 1, signal: null, timed_out: false }
  const failed_scripts = [
    { ...ended, id: 'a', name: 'licence.sh', exit_code: 3 },
    { ...ended, id: 'b', name: 'slow.sh', exit_code: null, signal: 'SIGTERM', timed_out: true },
  ]
  const { error: _none, ...run } = saved
  await store.save({ ...run, id: '20260102-0304-bbbbbb', state: 'succeeded', failed_scripts })

  const list = program('run', 'list')
  await list.run()
  const show = program('run', 'show', '20260102-0304-b')
  await show.run()

  const told = 'done, but 2 scripts failed: licence.sh (exit 3), slow.sh (time limit)'
  assert.match(list.written.stdout, /20260102-0304-bbbbbb {2}succeeded .* done, but 2 scripts failed: /)
  assert.ok(list.written.stdout.includes(told), list.written.stdout)
  assert.ok(show.written.stdout.includes(`state    succeeded, ${told}\n`), show.written.stdout)
})

test('a run whose process is gone shows as interrupted, and only what kept its layer can go on', async () => {
  const store = new RunStore(join(dir, 'state'))
  await store.save({ ...saved, id: '20260102-0305-000000', state: 'running', owner: { ...saved.owner, start_time: '1' } })
  const list = program('run', 'list', '--json')

  await list.run()

  const show = program('run', 'show', 'last')
  await show.run()

  assert.equal(JSON.parse(list.written.stdout.split('\n')[0]!).state, 'interrupted')
  assert.match(show.written.stdout, /hint: mend it\n$/, 'it ran no script whose output could be seen')
  await assert.rejects(program('morph', '--resume', '20260102-0305').run(), { code: 'run.not-resumable', message: /kept no layer/ })
})

test('a full disk is told as such, whichever call it stopped, and events that cannot be kept do not end a run', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', path: '/state/runs/x' })
  const shown: InstarEvent[] = []
  const { context } = program()
  const store = new (class extends RunStore {
    override appendEvent(): Promise<void> {
      return Promise.reject(full)
    }
  })(join(dir, 'state'))

  const { emit, flush } = createEmitter(context, {
    id: 'x',
    instance: 'x',
    store,
    view: { take: event => shown.push(event), close: () => {} },
  })
  for (const message of ['one', 'two']) emit({ kind: 'step', message })
  await flush()

  assert.deepEqual(
    shown.map(({ seq, kind, message }) => `${seq} ${kind} ${message}`),
    ['1 step one', '2 step two', '3 warning events of this run are kept no more: no space left for /state/runs/x'],
  )
  const report = reportError(new SuppressedError(new Error('clean-up'), full))
  assert.deepEqual([report.code, report.message, exitCodeOf(full)], ['image.no-space', 'no space left for /state/runs/x', 1])
  assert.match(report.hint, /INSTAR_STATE_DIR/)
})

test('a state folder that takes no files is named', async () => {
  writeFileSync(join(dir, 'file'), '')
  const run = { id: 'x' } as Run

  await assert.rejects(new RunStore(join(dir, 'file')).save(run), { code: 'run.unwritable', exitCode: 3, message: /file\/runs\/x/ })
})

test('images and options beside --resume, which would have no effect, are refused', async () => {
  const { run } = program('morph', 'other.qcow2', '--resume', 'last', '--script', 'x.sh', '--skip-os-morphing')

  await assert.rejects(run(), { code: 'usage.bad-argument', message: /cannot change other\.qcow2, --script, --skip-os-morphing/ })
})

test('a shell can ask what may come next', async t => {
  const lines: string[] = []
  t.mock.method(console, 'log', (line: string) => lines.push(line))
  await program('complete', '--', 'transfer', 'exec').run()
  await program('complete', '--', 'transfer', 'list', '--format', '').run()
  assert.deepEqual(
    lines.map(line => line.split('\t')[0]),
    ['execute', 'execution', ':4', 'table', 'json', 'yaml', 'csv', 'value', ':4'],
  )
})

test('a start loads what its command needs: no schemas, no server', () => {
  const tell =
    "import { registerHooks } from 'node:module'; registerHooks({ load(url, context, next) { console.error(url); return next(url, context) } })"
  const hook = `data:text/javascript,${encodeURIComponent(tell)}`
  const argv = ['--disable-warning=ExperimentalWarning', '--import', hook, 'packages/cli/src/main.ts', 'transfer', 'execute', '--help']
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' })
  const loaded = stderr.split('\n').filter(url => url.startsWith('file:'))
  assert.equal(status, 0)
  assert.ok(
    loaded.some(url => url.endsWith('/nouns/transfer.ts')),
    'the command itself',
  )
  assert.deepEqual(
    loaded.filter(url =>
      /\/(zod|yaml|pg|fastify|pino)\/|packages\/(server|worker|store|engine|morph|machine)\/|\/nouns\/endpoint\.ts/.test(url),
    ),
    [],
  )
})
