import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildGuest, heavy, requires } from '@instar/fixtures'
import { hashFile } from '@instar/machine'
import { Instar } from '../runner/instar.ts'
import { Terminal } from './terminal.ts'

// What a user at a terminal sees of a morph: read from the bytes that the terminal gets.

const ESCAPE = '\u001B'
const SEQUENCES = new RegExp(`${ESCAPE}\\[\\d*[A-Zm]`, 'g')

describe('instar morph on a terminal', { skip: requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env) }, () => {
  const signal = AbortSignal.timeout(600_000)
  const workDir = mkdtempSync(join(tmpdir(), 'instar-live-view-'))
  const stateDir = join(workDir, 'state')
  const image = join(workDir, 'guest.qcow2')
  const env = { ...process.env, INSTAR_STATE_DIR: stateDir, TERM: 'xterm' }
  let turn: AsyncDisposable | undefined
  let sourceHash = ''

  const script = (name: string, text: string): string => {
    writeFileSync(join(workDir, name), `#!/bin/sh\n${text}\n`)
    return join(workDir, name)
  }

  before(async () => {
    const guest = await buildGuest({ variant: 'ext4', cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', signal })
    turn = await heavy(signal)
    copyFileSync(guest.file, image)
    sourceHash = await hashFile(image, signal)
  })
  after(async () => {
    await turn?.[Symbol.asyncDispose]()
    rmSync(workDir, { recursive: true, force: true })
  })

  for (const columns of [80, 200]) {
    test(`on ${columns} columns: steps with their time, the last of each script's output, no row that the terminal would break`, async t => {
      const long = script('long.sh', `seq 1 10000; printf '%0300d\\n' 7; printf 'what now? '; sleep 1`)
      const fails = script('fails.sh', 'echo to whom; echo no route to licence.example >&2; exit 7')
      const terminal = new Terminal(['morph', image, '--script', long, '--script', fails], env, { rows: 24, columns })
      t.after(() => terminal.kill())

      await terminal.sees(/» Starting the appliance \(\d\.\d s\)/)
      await terminal.sees(/✓ Starting the appliance: appliance \((?:tcg|kvm)\), 1 disk \(.* s\)/)
      await terminal.sees(/» osmorphing_post_os_mount 1: long\.sh \(\d\.\d s\)/)
      await terminal.sees(/ {4}\| 10000/)
      await terminal.sees(/ {4}\| what now\? /)
      await terminal.sees(/✓ osmorphing_post_os_mount 1: long\.sh succeeded \(\d\.\d s\)/)
      await terminal.sees(/… 9996 lines before these/)
      await terminal.sees(/✗ osmorphing_post_os_mount 2: fails\.sh failed with exit code 7/)
      await terminal.sees(/ {4}\| to whom/)
      await terminal.sees(/ {4}! no route to licence\.example/)
      await terminal.sees(/✗ Running the scripts after the mount \(.* s\)/)
      assert.equal(await terminal.ended, 4)

      assert.match(terminal.shown, /error: osmorphing_post_os_mount script fails\.sh failed with exit code 7 {2}\[script\.failed\]/)
      const redrawn = terminal.shown
        .split(/\r?\n/)
        .map(row => row.replaceAll(SEQUENCES, ''))
        .filter(row => /^\r?»/.test(row) || row.endsWith('…'))
      assert.ok(redrawn.length > 5)
      for (const row of redrawn) assert.ok(row.replaceAll('\r', '').length < columns, row)
      assert.equal(await hashFile(image, signal), sourceHash)
    })
  }

  test('Ctrl-C in a script: it is ended, all is cleaned up, and the terminal shows what was interrupted', async t => {
    const endless = script('endless.sh', 'echo begun; sleep 600')
    const terminal = new Terminal(['morph', image, '--script', endless], env)
    t.after(() => terminal.kill())
    await terminal.sees(/ {4}\| begun/)

    terminal.type('\x03')

    await terminal.sees(/✗ osmorphing_post_os_mount 1: endless\.sh was interrupted \(.* s\)/)
    await terminal.sees(/ {4}\| begun/)
    await terminal.sees(/error: cancelled by SIGINT {2}\[internal\.cancelled\]/)
    assert.equal(await terminal.ended, 130)
    const { run, scripts } = (await new Instar(stateDir, signal).lastRun()) ?? assert.fail('there is no record')
    assert.equal(run.state, 'cancelled')
    assert.equal(scripts[0]?.interrupted, true)
    assert.deepEqual(readdirSync(join(stateDir, 'runtime')), [])
    assert.deepEqual(
      readdirSync(workDir).filter(name => name.startsWith('.') || name.includes('instar')),
      [],
    )
    assert.equal(await hashFile(image, signal), sourceHash)
  })
})
