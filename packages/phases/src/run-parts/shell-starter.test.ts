import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openStarter } from './shell-starter.ts'
import type { Starter, StarterOptions } from './starter.ts'

describe('the shell that starts scripts', () => {
  let folder: string
  const opened: Starter[] = []
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'instar-starter-'))
  })
  after(async () => {
    for (const starter of opened) await starter.close()
    rmSync(folder, { recursive: true })
  })

  const file = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(path, text, { mode: 0o755 })
    return path
  }
  const open = async (options: Partial<StarterOptions> = {}) => {
    const opening = await openStarter({ name: 'test', environment: process.env, environmentFiles: [], onSource: () => {}, ...options })
    assert.equal(opening.kind, 'ready')
    if (opening.kind !== 'ready') throw new Error('not ready')
    opened.push(opening.starter)
    return opening.starter
  }
  const run = async (starter: Starter, text: string, more = {}) => {
    const end = await starter.run({ path: file('script', text), ...more })
    assert.equal(end.kind, 'ended')
    if (end.kind !== 'ended') throw new Error('lost')
    return end
  }

  it('tells an exit code from a death by the signal of the same number', async () => {
    const starter = await open()
    for (const [text, expected] of [
      ['exit 0', [0, null]],
      ['exit 7', [7, null]],
      ['exit 137', [137, null]],
      ['kill -KILL $$', [null, 'SIGKILL']],
      ['exit 143', [143, null]],
      ['kill -TERM $$', [null, 'SIGTERM']],
      ['kill -HUP $$', [null, 'SIGHUP']],
      ['kill -SEGV $$', [null, 'SIGSEGV']],
      ['kill -37 $$', [null, 'SIGRTMIN+3']],
      ['exit 255', [255, null]],
      ['no-such-program 2>/dev/null', [127, null]],
    ] as const) {
      const end = await run(starter, `#!/bin/sh\n${text}\n`)
      assert.deepEqual([end.exitCode, end.signal], expected, text)
      assert.ok(end.isExact, text)
      assert.deepEqual(end.notes, [], text)
    }
  })

  it('is not misled by signals that it gets itself while it waits for an answer', async () => {
    const starter = await open()
    const storm = setInterval(() => process.kill(starter.pid, 'SIGUSR2'), 1)
    try {
      for (let round = 0; round < 50; round += 1) {
        const [left, died] = [await run(starter, '#!/bin/sh\nexit 137\n'), await run(starter, '#!/bin/sh\nkill -KILL $$\n')]
        assert.deepEqual([left.exitCode, left.signal, died.exitCode, died.signal], [137, null, null, 'SIGKILL'])
      }
    } finally {
      clearInterval(storm)
    }
  })

  it('owns up to what it cannot tell: 130 and 141', async () => {
    const starter = await open()

    const end = await run(starter, '#!/bin/sh\nkill -PIPE $$\n')

    assert.deepEqual([end.code, end.isExact], [141, false])
  })

  it('gives a script its own environment and files, and nothing of the driver', async () => {
    const starter = await open()
    const [stdout, stderr] = [join(folder, "out'put"), join(folder, 'errors')]

    const end = await run(
      starter,
      '#!/bin/bash\necho "$A|$0"; echo bad >&2\nfor fd in 3 4 7 8 9; do { : >&$fd; } 2>/dev/null && echo $fd; done; :\n',
      { environment: { A: "it's\nso $HOME" }, stdout, stderr },
    )

    assert.equal(end.code, 0)
    assert.equal(readFileSync(stdout, 'utf8'), `it's\nso $HOME|${join(folder, 'script')}\n`)
    assert.equal(readFileSync(stderr, 'utf8'), 'bad\n')
  })

  it('measures CPU time and the time between start and end', async () => {
    const starter = await open()
    await run(starter, '#!/bin/sh\n:\n')

    const end = await run(starter, '#!/bin/bash\nfor ((i = 0; i < 200000; i++)); do :; done\nsleep 0.05\n')

    assert.ok(end.cpuMs > 20, `${end.cpuMs} ms`)
    assert.ok(end.endedAt - end.startedAt >= 50 + end.cpuMs / 2)
    assert.ok(Math.abs(end.endedAt - Date.now()) < 10_000)
  })

  it('sources the environment files and keeps only what is meant for scripts', async () => {
    const sourced: string[] = []
    const first = file(
      '10',
      'export A=1\nB=plain\nset +e\numask 077\nfalse\ncd /\ntrap "echo traced" DEBUG ERR\nf() { echo "f$1"; }\nexport -f f\n',
    )
    const second = file('20', 'export C="$A$B"\nset +u\n')
    const starter = await open({ environmentFiles: [first, second], onSource: name => sourced.push(name), stdio: [0, 1, 'closed'] })
    const stdout = join(folder, 'seen')

    await run(starter, '#!/bin/bash\necho "$A ${B-unset} $C $(umask) $PWD"; f 3; exit 4\n', { stdout })

    assert.deepEqual(sourced, [first, second])
    assert.equal(readFileSync(stdout, 'utf8'), `1 unset 1plain 0077 ${process.cwd()}\nf3\n`)
  })

  it('says which environment file ended the shell, and how', async () => {
    for (const [text, code] of [
      ['exit 0', 0],
      ['exit 5', 5],
      ['return 6', 6],
      ['false', 1],
      ['x=$NOT_SET_ANYWHERE', 1],
      ['kill -KILL $$', 137],
    ] as const) {
      const opening = await openStarter({
        name: 'test',
        environment: process.env,
        environmentFiles: [file('ok', ':\n'), file('bad', `${text}\n`)],
        onSource: () => {},
        stdio: [0, 1, 'closed'],
      })
      assert.deepEqual(opening, { kind: 'environment-failed', file: join(folder, 'bad'), code }, text)
    }
  })

  it('reports its own death', async () => {
    const starter = await open()
    const running = starter.run({ path: file('long', '#!/bin/sh\nexec sleep 30\n') })
    while (starter.children().length === 0) await new Promise(resolve => setTimeout(resolve, 10))
    const [script] = starter.children()

    process.kill(starter.pid, 'SIGKILL')

    assert.deepEqual(await running, { kind: 'lost', exitCode: null, signal: 'SIGKILL' })
    process.kill(script!, 'SIGKILL')
  })
})
