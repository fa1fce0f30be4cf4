import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { requires } from '@instar/fixtures'

// Below /proc no folder can be made, and Node's own recursive mkdir never ends there: each command is a process that may be killed.

const MAIN = join(import.meta.dirname, 'main.ts')
const NOWHERE = '/proc/nowhere/instar'
/** Far above what they take (0.5 s): for hosts that do much else. */
const LIMIT_MS = 60_000

const dir = mkdtempSync(join(tmpdir(), 'instar-paths-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const image = join(dir, 'disk.raw')
writeFileSync(image, Buffer.alloc(1024 * 1024))

interface Case {
  readonly argv: readonly string[]
  readonly variable: 'INSTAR_CACHE_DIR' | 'INSTAR_STATE_DIR'
  readonly says: RegExp
  readonly exit?: number
}

const NO_ACCESS =
  /error: cannot use \/proc\/nowhere {2}\[host\.no-access\]\nbecause: ENOENT: .*\nhint: .*INSTAR_STATE_DIR.*INSTAR_CACHE_DIR/
// Told before the cache is asked for.
const NO_NEW_FILE = /error: no file can be written into \/proc {2}\[host\.no-access\]\nbecause: .*\nhint: Name a file in a folder/
const UNWRITABLE = / {2}\[(run\.unwritable|refresh\.journal-unwritable)\]\nbecause: .*\nhint: .*INSTAR_STATE_DIR/

const CASES: readonly Case[] = [
  { argv: ['morph', image], variable: 'INSTAR_CACHE_DIR', says: NO_ACCESS },
  { argv: ['morph', image], variable: 'INSTAR_STATE_DIR', says: UNWRITABLE },
  { argv: ['inspect', image], variable: 'INSTAR_CACHE_DIR', says: NO_ACCESS },
  {
    argv: ['inspect', image],
    variable: 'INSTAR_STATE_DIR',
    says: /no layer can be made in \/proc\/nowhere\/.* {2}\[host\.no-access\]\nbecause: .*\nhint: .*INSTAR_STATE_DIR/,
  },
  { argv: ['boot', image], variable: 'INSTAR_CACHE_DIR', says: NO_ACCESS },
  { argv: ['morph', image, '--output', '/proc/new.qcow2'], variable: 'INSTAR_CACHE_DIR', says: NO_NEW_FILE },
  { argv: ['demo', '--keep', '/proc/new.qcow2'], variable: 'INSTAR_CACHE_DIR', says: NO_NEW_FILE },
  { argv: ['demo'], variable: 'INSTAR_CACHE_DIR', says: NO_ACCESS },
  { argv: ['demo'], variable: 'INSTAR_STATE_DIR', says: NO_ACCESS },
  { argv: ['demo', '--service'], variable: 'INSTAR_STATE_DIR', says: NO_ACCESS },
  { argv: ['serve'], variable: 'INSTAR_STATE_DIR', says: NO_ACCESS },
  { argv: ['refresh'], variable: 'INSTAR_STATE_DIR', says: UNWRITABLE },
  { argv: ['doctor'], variable: 'INSTAR_CACHE_DIR', says: /cache folder +failed +.*name another folder by INSTAR_CACHE_DIR/, exit: 1 },
  { argv: ['doctor'], variable: 'INSTAR_STATE_DIR', says: /state folder +failed +.*name another folder by INSTAR_STATE_DIR/, exit: 1 },
]

describe('a folder where nothing can be made', { skip: requires(['qemu'], process.env), concurrency: 2 }, () => {
  for (const { argv, variable, says, exit = 3 } of CASES) {
    test(`instar ${argv.map(word => (word === image ? 'IMAGE' : word)).join(' ')} ends with an error when ${variable} is one`, async () => {
      const env = {
        PATH: process.env['PATH'],
        HOME: dir,
        INSTAR_STATE_DIR: join(dir, 'state'),
        INSTAR_CACHE_DIR: join(dir, 'cache'),
        [variable]: NOWHERE,
      }

      const { code, output } = await new Promise<{ code: unknown; output: string }>(resolve =>
        execFile(
          process.execPath,
          ['--disable-warning=ExperimentalWarning', MAIN, ...argv],
          { env, timeout: LIMIT_MS, killSignal: 'SIGKILL' },
          (error, stdout, stderr) => resolve({ code: error?.code, output: stdout + stderr }),
        ),
      )

      assert.equal(code, exit, output)
      assert.match(output, says)
    })
  }
})
