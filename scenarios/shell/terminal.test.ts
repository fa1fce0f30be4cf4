import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildGuest, heavy, requires } from '@instar/fixtures'
import { Instar } from '../runner/instar.ts'

const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts')
const WAIT_MS = 60_000

/** The command line on a terminal of its own, which script(1) makes; we type and read. */
class Terminal {
  readonly #child: ChildProcess
  readonly ended: Promise<number | null>
  #shown = ''
  #read = 0

  constructor(argv: readonly string[], env: NodeJS.ProcessEnv) {
    const line = `tty; stty rows 30 cols 97; exec ${[process.execPath, '--disable-warning=ExperimentalWarning', MAIN, ...argv].map(word => `'${word}'`).join(' ')}`
    this.#child = spawn('script', ['-q', '-f', '-e', '-c', line, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#shown += text))
    this.ended = once(this.#child, 'close').then(([code]) => code as number | null)
  }

  type(text: string): void {
    this.#child.stdin?.write(text)
  }

  /** What fits, in what was shown since the last time. */
  async sees(pattern: RegExp): Promise<RegExpExecArray> {
    const until = performance.now() + WAIT_MS
    for (;;) {
      const found = pattern.exec(this.#shown.slice(this.#read))
      if (found !== null) {
        this.#read += found.index + found[0].length
        return found
      }
      assert.ok(performance.now() < until, `${pattern} in ${JSON.stringify(this.#shown.slice(this.#read))}`)
      await sleep(20)
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

describe('instar shell', { skip: requires(['qemu', 'mmdebstrap', 'e2fsprogs'], process.env) }, () => {
  const signal = AbortSignal.timeout(600_000)
  const workDir = mkdtempSync(join(tmpdir(), 'instar-shell-'))
  const stateDir = join(workDir, 'state')
  const image = join(workDir, 'guest.qcow2')
  let turn: AsyncDisposable | undefined

  before(async () => {
    const guest = await buildGuest({ variant: 'ext4', cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', signal })
    turn = await heavy(signal)
    copyFileSync(guest.file, image)
  })
  after(async () => {
    await turn?.[Symbol.asyncDispose]()
    rmSync(workDir, { recursive: true, force: true })
  })

  test('on a terminal: keys go to the shell there, Ctrl-C ends what it runs, a new size is told, and its exit code is ours', async t => {
    const terminal = new Terminal(['shell', image], { ...process.env, INSTAR_STATE_DIR: stateDir, TERM: 'xterm' })
    t.after(() => terminal.kill())
    const [device] = await terminal.sees(/\/dev\/pts\/\d+/)

    await terminal.sees(/root@appliance:\/mnt\/guest# /)
    terminal.type('cat etc/hostname; stty siZ\x7fze\r')
    await terminal.sees(/[\r\n]30 97\r/)
    terminal.type('sleep 500\r')
    await terminal.sees(/sleep 500\r+\n.*2004l/s)
    terminal.type('\x03')
    await terminal.sees(/\^C/)
    terminal.type('echo code=$?\r')
    await terminal.sees(/[\r\n]code=130\r/)
    execFileSync('stty', ['-F', device, 'rows', '41', 'cols', '121'])
    terminal.type('until [ "$(stty size)" = "41 121" ]; do sleep 0.1; done; echo is-larger\r')
    await terminal.sees(/[\r\n]is-larger\r/)
    terminal.type('exit 7\r')

    assert.equal(await terminal.ended, 7)
  })

  test('without a terminal: commands from standard input, a line each', async () => {
    const { exitCode, stdout } = await new Instar(stateDir, signal).run(
      'shell',
      image,
      '--command',
      'test -t 0 || cat /mnt/guest/etc/hostname',
    )

    assert.equal(exitCode, 0)
    assert.equal(stdout, 'guest\n')
  })
})
