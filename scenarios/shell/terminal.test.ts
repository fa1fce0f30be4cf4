import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildGuest, heavy, requires } from '@instar/fixtures'
import { Instar } from '../runner/instar.ts'
import { Terminal } from './terminal.ts'

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

  test('without a terminal: commands from standard input, a line each, and the exit code of the last', async () => {
    const commands = 'test -t 0 || cat /mnt/guest/etc/hostname\n\nexit 5\necho one; exit 3\n'

    const { exitCode, stdout, stderr } = await new Instar(stateDir, signal).runWith(commands, 'shell', image)

    assert.equal(exitCode, 3, stderr)
    assert.equal(stdout, 'guest\none\n')
  })

  test('with --command: that alone', async () => {
    const { exitCode, stdout } = await new Instar(stateDir, signal).run('shell', image, '--command', 'cat /mnt/guest/etc/hostname; exit 9')

    assert.equal(exitCode, 9)
    assert.equal(stdout, 'guest\n')
  })
})
