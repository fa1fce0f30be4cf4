import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildGuest, buildMinion, heavy, requires, type Guest } from '@instar/fixtures'
import { differences, readTree } from '../runner/guest-tree.ts'
import { Instar } from '../runner/instar.ts'
import { startInstar } from './start-instar.ts'
import { startMinion, type Minion } from './start-minion.ts'

const TIMEOUT_MS = 900_000
const MIB = 2 ** 20

/** What must not be on the minion when no run is: a line for each thing that is. */
const LEFTOVERS = `
ls -d /run/instar* /mnt/instar-* /tmp/instar* /sys/fs/cgroup/instar-* 2>/dev/null
grep ' /mnt/instar' /proc/self/mountinfo
grep -lz '^INSTAR_MARK=' /proc/[0-9]*/environ 2>/dev/null
ls /dev/mapper 2>/dev/null | grep -v '^control$'
true`

describe(
  'a minion by ssh: a Debian machine with systemd and udev, and the disk of another guest',
  { skip: skipReason(), timeout: TIMEOUT_MS },
  () => {
    const held = new AsyncDisposableStack()
    const workDir = mkdtempSync(join(tmpdir(), 'instar-scenario-ssh-'))
    const stateDir = join(workDir, 'state')
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const instar = new Instar(stateDir, signal)
    const layer = join(workDir, 'guest.qcow2')
    const ownDisk = join(workDir, 'own.img')
    let guest: Guest
    let minion: Minion

    before(async () => {
      held.defer(() => rmSync(workDir, { recursive: true, force: true }))
      const cacheDir = process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar'
      guest = await buildGuest({ variant: 'ext4', cacheDir, signal })
      const image = await buildMinion({ cacheDir, signal })
      held.use(await heavy(signal))
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', guest.file, layer])
      writeFileSync(ownDisk, 'a disk of the minion that is nobody else’s business')
      truncateSync(ownDisk, 8 * MIB)
      const disks = [
        { file: layer, format: 'qcow2' },
        { file: ownDisk, format: 'raw' },
      ] as const
      minion = held.use(await startMinion(image, { disks, workDir }))
    })
    after(() => held.disposeAsync())

    const scripts = new Map<string, string>()
    /** The arguments of a morph of the guest's disk with one script. */
    function morphWith(phase: string, lines: string, options = ''): string[] {
      const file = join(workDir, `script-${scripts.size}.sh`)
      scripts.set(file, lines)
      writeFileSync(file, `#!/bin/sh\n${lines}\n`, { mode: 0o755 })
      return [...morphOf(minion, '/dev/vdb'), '--script', `${file},phase=${phase}${options}`]
    }

    test('a disk that the minion itself uses is refused', async () => {
      const { exitCode, stderr } = await instar.run(...morphOf(minion, '/dev/vda'))

      assert.equal(exitCode, 3, stderr)
      assert.match(stderr, /\/dev\/vda is mounted on \/.*\[ssh\.bad-device\]/)
    })

    test('a machine that does not answer is an error with the words of ssh', async () => {
      const { exitCode, stderr } = await instar.run(
        'morph',
        '--minion',
        'ssh://127.0.0.1:1',
        '--device',
        '/dev/vdb',
        '--ssh-config',
        minion.sshConfig,
      )

      assert.equal(exitCode, 1)
      assert.match(stderr, /\[ssh\.unreachable\]/)
      assert.match(stderr, /because: .*Connection refused/)
    })

    test('scripts of three phases run, the guest is changed, and nothing stays on the minion', async () => {
      mkdirSync(join(workDir, 'secrets'))
      const secret = join(workDir, 'secrets', 'token')
      writeFileSync(secret, 'a-secret-word')
      const before = readTree(guest.file, 'bios', workDir)

      const morph = await instar.run(
        ...morphWith('osmorphing_pre_os_mount', 'echo "disks: $INSTAR_DISKS"; nohup sleep 1000 & echo no-word-is-lost >&2'),
        ...morphWith('osmorphing_post_os_mount', 'wc -c < "$INSTAR_SECRETS_DIR/token"; echo moved > "$1/etc/motd"').slice(-2),
        ...morphWith('replica_first_boot', 'true').slice(-2),
        '--secret',
        `token=@${secret}`,
      )

      assert.equal(morph.exitCode, 0, morph.stderr + morph.stdout.slice(-2000))
      const record = await instar.lastRun()
      assert.deepEqual(
        record?.scripts.map(({ phase, exit_code }) => [phase, exit_code]),
        [
          ['osmorphing_pre_os_mount', 0],
          ['osmorphing_post_os_mount', 0],
        ],
      )
      assert.match(await instar.scriptOutput('script-0.sh', 'stdout'), /disks: \/dev\/vdb/)
      assert.match(await instar.scriptOutput('script-0.sh', 'stderr'), /no-word-is-lost/)
      assert.equal((await instar.scriptOutput('script-1.sh', 'stdout')).trim(), '13')
      assert.equal(minion.shell(LEFTOVERS), '')
      // The guest's file system was unmounted, so the layer is whole even while the minion runs.
      const copy = join(workDir, 'copy.qcow2')
      copyFileSync(layer, copy)
      const changed = differences(before, readTree(copy, 'bios', workDir))
      assert.ok(changed.includes('/etc/motd'), changed.join(' '))
      assert.ok(
        changed.some(path => path.startsWith('/var/lib/instar/')),
        changed.join(' '),
      )
      assert.ok(
        changed.every(path => !path.startsWith('/root')),
        changed.join(' '),
      )
    })

    test('a script that fails ends the run with exit code 4, and what it left in the background is ended', async () => {
      const { exitCode, stderr } = await instar.run(...morphWith('osmorphing_pre_os_mount', 'env -i sleep 1000 & exit 7'))

      assert.equal(exitCode, 4, stderr)
      assert.equal(minion.shell('ps -e -o comm= | grep -x sleep || true'), '')
      assert.equal(minion.shell(LEFTOVERS), '')
    })

    test('a script over its time limit is ended with all that it started', async () => {
      const { exitCode, stderr } = await instar.run(
        ...morphWith('osmorphing_pre_os_mount', 'trap "" TERM; sleep 1000 & sleep 1000', ',timeout=3'),
      )

      assert.equal(exitCode, 5, stderr)
      assert.equal((await instar.lastRun())?.scripts[0]?.timed_out, true)
      assert.equal(minion.shell('ps -e -o comm= | grep -x sleep || true'), '')
      assert.equal(minion.shell(LEFTOVERS), '')
    })

    test('a minion serves one run at a time', async () => {
      const first = startInstar(stateDir, morphWith('osmorphing_pre_os_mount', 'echo is-waiting; sleep 1000'))
      await first.printed('is-waiting')

      const second = await instar.run(...morphOf(minion, '/dev/vdb'))

      assert.equal(second.exitCode, 75, second.stderr)
      assert.match(second.stderr, /\[ssh\.in-use\]/)
      process.kill(-first.pid, 'SIGINT')
      assert.equal((await first.ended).exitCode, 130)
    })

    test('Ctrl-C in the middle of a script unmounts the guest and leaves nothing', async () => {
      const run = startInstar(stateDir, morphWith('osmorphing_post_os_mount', 'touch "$1/here"; echo is-waiting; sleep 1000'))
      await run.printed('is-waiting')
      assert.match(minion.shell(LEFTOVERS), /\/mnt\/instar-/)

      process.kill(-run.pid, 'SIGINT')

      assert.equal((await run.ended).exitCode, 130)
      assert.equal(minion.shell(LEFTOVERS), '')
    })

    test('after kill -9 of the command line the minion itself takes away what is left', async () => {
      const run = startInstar(stateDir, morphWith('osmorphing_post_os_mount', 'echo is-waiting; sleep 1000'))
      await run.printed('is-waiting')

      process.kill(run.pid, 'SIGKILL')

      await run.ended
      // Whoever holds this lock is the run that has just lost its lease, or nobody.
      minion.shell('flock -w 30 /run true')
      assert.equal(minion.shell(LEFTOVERS), '')
    })

    test('when even the lease on the minion was killed, the next run takes away what is left', async () => {
      const run = startInstar(stateDir, morphWith('osmorphing_post_os_mount', 'echo is-waiting; sleep 1000'))
      await run.printed('is-waiting')
      minion.shell(`kill -9 $(find /proc/[0-9]*/fd/9 -lname /run | cut -d/ -f3)`)
      process.kill(run.pid, 'SIGKILL')
      await run.ended
      assert.match(minion.shell(LEFTOVERS), /\/mnt\/instar-/)

      const next = await instar.run(...morphWith('osmorphing_pre_os_mount', 'ls -d /mnt/instar-* && exit 1; exit 7'))

      assert.equal(next.exitCode, 4, next.stderr)
      assert.equal((await instar.lastRun())?.scripts[0]?.exit_code, 7)
      assert.equal(minion.shell(LEFTOVERS), '')
    })

    test('a minion that loses its power in the middle of a script is told as such, and the command ends', async () => {
      const run = startInstar(stateDir, morphWith('osmorphing_post_os_mount', 'echo is-waiting; sleep 1000'))
      await run.printed('is-waiting')
      const startedAt = Date.now()

      await minion.kill()

      const { exitCode, output } = await run.ended
      assert.equal(exitCode, 1, output)
      assert.match(output, /\[machine\.lost\]/)
      assert.ok(Date.now() - startedAt < 15_000, `it took ${Date.now() - startedAt} ms`)
    })

    test('the disk of the minion that was not given is as it was', () => {
      const start = readFileSync(ownDisk)

      assert.equal(start.length, 8 * MIB)
      assert.match(start.toString('utf8', 0, 60), /^a disk of the minion/)
      assert.ok(start.subarray(60).every(byte => byte === 0))
    })
  },
)

function morphOf(minion: Minion, device: string): string[] {
  return ['morph', '--minion', minion.url, '--device', device, '--ssh-config', minion.sshConfig, '--name', 'guest']
}

function skipReason(): string | false {
  return requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env)
}
