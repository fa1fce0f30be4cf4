import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { buildGuest, heavy, requires } from '@instar/fixtures'
import { Instar } from '../runner/instar.ts'

const TIMEOUT_MS = 900_000
/** What was changed between the copies; the second copies that and no more. */
const CHANGED_BYTES = 65_536

const stateDir = mkdtempSync(join(tmpdir(), 'instar-demo-state-'))
after(() => rmSync(stateDir, { recursive: true, force: true }))

test(
  'the demo of the service moves a guest, copies what changed, boots it, tells what every script did, and leaves nothing',
  { skip: requires(['root', 'qemu', 'mmdebstrap'], process.env), timeout: TIMEOUT_MS },
  async t => {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    await buildGuest({ variant: 'ext4', cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', signal })
    await using _turn = await heavy(signal)
    const before = demoFolders()

    const { exitCode, stdout, stderr } = await new Instar(stateDir, signal).run('demo', '--service')

    assert.equal(exitCode, 0, `${stdout}\n${stderr}`)
    const copied = [...stdout.matchAll(/copy wrote ([\d,]+) of ([\d,]+) bytes/g)].map(([, bytes]) => Number(bytes!.replaceAll(',', '')))
    assert.equal(copied.length, 2)
    assert.ok(copied[0]! > 100_000_000, `the first copy is in full: ${copied[0]} bytes`)
    assert.equal(copied[1], CHANGED_BYTES)
    const scripts = [...stdout.matchAll(/^(\S+)\s+(\d+-\w+)\s+1\s+exit 0 /gm)].map(([, phase, name]) => `${phase} ${name}`)
    assert.deepEqual(scripts, [
      'osmorphing_pre_os_mount 10-disks',
      'osmorphing_post_os_mount 10-motd',
      'osmorphing_pre_os_dismount 10-report',
      'replica_first_boot 10-hello',
    ])
    assert.match(stdout, /hello from guest, kernel /)
    assert.match(stderr, /✓ web: os morphing/)
    assert.deepEqual(demoFolders(), before)
    assert.deepEqual(demoProcesses(), [])
    t.diagnostic(/all done in .*/.exec(stdout)?.[0] ?? '')
  },
)

function demoFolders(): string[] {
  return readdirSync(tmpdir()).filter(name => name.startsWith('instar-demo-') && !name.startsWith('instar-demo-state-'))
}

function demoProcesses(): string[] {
  return readdirSync('/proc')
    .filter(pid => /^\d+$/.test(pid))
    .flatMap(pid => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        return /instar-demo-(?!state-)/.test(command) ? [command.replaceAll('\0', ' ')] : []
      } catch {
        // It has ended since.
        return []
      }
    })
}
