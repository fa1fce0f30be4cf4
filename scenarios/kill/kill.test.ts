import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { InstarEvent, Run } from '@instar/contract'
import { buildGuest, heavy, requires } from '@instar/fixtures'
import { hashFile } from '@instar/machine'
import type { DieAt } from './die-at.ts'
import { type Ended, Killable } from './killable.ts'
import { kernelObjectsNaming, processesNaming, qemuPids, survivorsNaming, temporariesIn } from './leftovers.ts'

// The image goes from one test to the next: each kill leaves what the next start has to find and to clean up.

const signal = AbortSignal.timeout(900_000)
/** `INSTAR_KILL_POINTS=50`: so many kills more, at times spread over a whole morph. */
const MORE_POINTS = Number(process.env['INSTAR_KILL_POINTS'] ?? 0)
const MORPH_MS = 20_000

const workDir = mkdtempSync(join(tmpdir(), 'instar-kill-'))
const stateDir = join(workDir, 'state')
const image = join(workDir, 'images', 'guest.qcow2')
const output = join(workDir, 'out', 'new.qcow2')
let sourceHash = ''
let turn: AsyncDisposable | undefined

const script = (name: string, text: string): string => {
  const file = join(workDir, name)
  writeFileSync(file, `#!/bin/sh\n${text}\n`)
  return file
}
const WAITING = 'echo POINT-REACHED; sleep 600'
const atPoint = ({ kind, message }: InstarEvent): boolean => kind === 'output' && message?.includes('POINT-REACHED') === true
const atStep = (step: string) => (event: InstarEvent) => event.step === step && event.state === 'started'

function morph(...more: readonly string[]): readonly string[] {
  return ['morph', image, '--json', ...more]
}
const waitingIn = (phase: string, work = ''): string[] => ['--script', `${script('waiting.sh', `${work}\n${WAITING}`)},phase=${phase}`]

function start(argv: readonly string[], dieAt?: DieAt): Killable {
  return new Killable(argv, { stateDir, ...(dieAt === undefined ? {} : { dieAt }) })
}

/** A command that locks the image, so that it finishes and cleans up what it finds, and then has nothing to do: the format is wrong. */
async function lookAtImage(dieAt?: DieAt): Promise<Ended> {
  return await start(['check', image, '--format', 'vhdx'], dieAt).ended()
}

async function assertUnchanged(): Promise<void> {
  assert.equal(await hashFile(image, signal), sourceHash, 'the source image is byte for byte as it was')
}

/** After any end: nothing of ours runs, and the kernel holds nothing. */
async function assertGone(pids: readonly number[]): Promise<void> {
  assert.deepEqual(await survivorsNaming(workDir), [])
  for (const pid of pids) assert.ok(!existsSync(`/proc/${pid}/exe`), `QEMU ${pid} is gone`)
  assert.deepEqual(kernelObjectsNaming(workDir), [])
}

function assertNothingLeft(): void {
  assert.deepEqual(temporariesIn(dirname(image), dirname(output), join(stateDir, 'runtime'), join(stateDir, 'layers')), [])
}

/** Kills at a point; the names of what it leaves, which the next start must remove. */
async function killAt(argv: readonly string[], fits: (event: InstarEvent) => boolean): Promise<void> {
  const before = temporariesIn(dirname(image), join(stateDir, 'runtime'))
  const run = start(argv)
  await run.until(fits)
  const pids = qemuPids(stateDir)
  const left = temporariesIn(dirname(image), join(stateDir, 'runtime')).filter(name => before.includes(name))

  const { signal: ending } = await run.kill()

  assert.equal(ending, 'SIGKILL')
  assert.deepEqual(
    left.filter(name => /(^|\/)(layer|appliance)-/.test(name)),
    [],
    'this start has removed what the earlier one left',
  )
  await assertGone(pids)
  await assertUnchanged()
}

function lastRun(): Run {
  const runs = globSync(join(stateDir, 'runs/*/run.json')).map(file => JSON.parse(readFileSync(file, 'utf8')) as Run)
  const last = runs.sort((a, b) => (a.started_at < b.started_at ? -1 : 1)).at(-1)
  assert.ok(last !== undefined)
  return last
}

describe(
  'a morph that is cut off',
  { skip: requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env), concurrency: false },
  () => {
    before(async () => {
      const guest = await buildGuest({ variant: 'ext4', cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', signal })
      for (const folder of [image, output]) mkdirSync(dirname(folder))
      copyFileSync(guest.file, image)
      sourceHash = await hashFile(image, signal)
      turn = await heavy(signal)
    })
    after(async () => {
      await turn?.[Symbol.asyncDispose]()
      rmSync(workDir, { recursive: true, force: true })
    })

    test('kill -9 while the appliance starts', async () => {
      await killAt(morph(), ({ message }) => message?.startsWith('Starting the appliance (') === true)

      const { exitCode, stdout } = await start(['run', 'show', 'last', '--json']).ended()
      assert.equal(exitCode, 0)
      assert.equal((JSON.parse(stdout) as { run: Run }).run.state, 'interrupted')
    })

    test('kill -9 in a script before the mount', async () => {
      await killAt(morph(...waitingIn('osmorphing_pre_os_mount', 'sleep 1000 &')), atPoint)
    })

    test('kill -9 in a script after the mount, which has written into the guest', async () => {
      await killAt(morph(...waitingIn('osmorphing_post_os_mount', 'rm -rf "$1/etc"; echo gone >"$1/marker"; sync')), atPoint)
    })

    test('kill -9 while the changes are written', async () => {
      await killAt(morph('--network', 'dhcp'), atStep('Writing the changes'))
    })

    test('SIGTERM while the appliance starts: exit code 143, and all is cleaned up at once', async () => {
      const run = start(morph())
      await run.until(({ message }) => message?.startsWith('Starting the appliance (') === true)

      const { exitCode, stderr } = await run.kill('SIGTERM')

      assert.equal(exitCode, 143, stderr)
      assert.match(stderr, /cancelled by SIGTERM {2}\[internal\.cancelled\]/)
      assert.deepEqual(processesNaming(workDir), [])
      assertNothingLeft()
      await assertUnchanged()
      assert.equal(lastRun().state, 'cancelled')
    })

    test('Ctrl-C in a script: exit code 130, and all is cleaned up at once', async () => {
      const run = start(morph(...waitingIn('osmorphing_post_os_mount', 'trap "" INT TERM')))
      await run.until(atPoint)

      const { exitCode, stderr } = await run.kill('SIGINT')

      assert.equal(exitCode, 130, stderr)
      assert.deepEqual(processesNaming(workDir), [])
      assertNothingLeft()
      await assertUnchanged()
      assert.equal(lastRun().state, 'cancelled')
    })

    test('QEMU dies in mid-work: it is told how, and the work fails cleanly', async () => {
      const run = start(morph(...waitingIn('osmorphing_post_os_mount', 'echo x >"$1/marker"')))
      await run.until(atPoint)
      const [qemu] = qemuPids(stateDir)
      assert.ok(qemu !== undefined)

      process.kill(qemu, 'SIGKILL')

      const { exitCode, stderr } = await run.ended()
      assert.equal(exitCode, 1, stderr)
      assert.match(stderr, /the appliance has ended: QEMU was ended by SIGKILL.*\[machine\.lost\]/)
      assert.match(stderr, /^hint: .*the image is as it was/m)
      await assertGone([qemu])
      assertNothingLeft()
      await assertUnchanged()
      assert.equal(lastRun().error?.code, 'machine.lost')
    })

    test('kill -9 while a new image is written: there is none, and the next run removes the half of it', async () => {
      const convert = { call: 'spawn', match: 'convert -p', delayMs: 30 } as const
      const { signal: ending } = await start(morph('--skip-os-morphing', '--output', output), convert).ended()
      assert.equal(ending, 'SIGKILL')
      await assertGone([])
      assert.ok(!existsSync(output))
      assert.equal(temporariesIn(dirname(output)).length, 1)
      await assertUnchanged()

      const again = await start(morph('--skip-os-morphing', '--output', output)).ended()

      assert.equal(again.exitCode, 0, again.stderr)
      assert.ok(existsSync(output))
      execFileSync('qemu-img', ['check', '-q', output])
      assertNothingLeft()
      await assertUnchanged()
    })

    test('kill -9 just before the commit is decided: the image is as it was', async () => {
      const firstBoot = `${script('later.sh', ':')},phase=replica_first_boot`
      const argv = morph('--skip-os-morphing', '--script', firstBoot)
      const { signal: ending } = await start(argv, { call: 'rename', match: 'keep.json' }).ended()
      assert.equal(ending, 'SIGKILL')
      await assertGone([])
      await assertUnchanged()

      const { exitCode, stderr } = await lookAtImage()

      assert.equal(exitCode, 3)
      assert.doesNotMatch(stderr, /Finish/)
      assertNothingLeft()
      await assertUnchanged()
    })

    test('kill -9 once the commit is decided: the next command finishes it and says so, killed as often as it may be', async () => {
      const mark = script('mark.sh', 'echo changed >"$1/etc/marker"; head -c 30000000 /dev/urandom >"$1/var/big"; sync')
      const argv = morph('--script', `${mark},phase=osmorphing_post_os_mount`)
      const { signal: ending } = await start(argv, { call: 'rename', match: '.instar-commit' }).ended()
      assert.equal(ending, 'SIGKILL')
      await assertGone([])
      await assertUnchanged()
      const [layer] = globSync(join(dirname(image), '.instar-layers/*/layer.qcow2'))
      assert.ok(layer !== undefined)
      const wanted = join(workDir, 'wanted.qcow2')
      copyFileSync(image, join(workDir, 'source.qcow2'))
      copyFileSync(layer, wanted)
      execFileSync('qemu-img', ['rebase', '-u', '-b', join(workDir, 'source.qcow2'), '-F', 'qcow2', wanted])

      for (const dieAt of [
        { call: 'spawn', match: 'commit -d', delayMs: 2 },
        { call: 'spawn', match: 'commit -d', delayMs: 15 },
        { call: 'rename', match: '.instar-commit' },
      ] as const) {
        const cut = await lookAtImage(dieAt)
        assert.equal(cut.signal, 'SIGKILL')
        assert.match(cut.stderr, /Finishing the commit to .*guest\.qcow2 that the run \S+ began/)
        assert.ok(existsSync(`${image}.instar-commit`))
      }
      const last = await lookAtImage()

      assert.equal(last.exitCode, 3, last.stderr)
      execFileSync('qemu-img', ['compare', '-q', image, wanted])
      assert.notEqual(await hashFile(image, signal), sourceHash)
      assertNothingLeft()
      assert.doesNotMatch((await lookAtImage()).stderr, /Finish/)
      sourceHash = await hashFile(image, signal)
    })

    for (const point of Array.from({ length: MORE_POINTS }, (_, index) => ((index + 1) * MORPH_MS) / MORE_POINTS)) {
      test(`kill -9 ${Math.round(point)} ms after the start`, async () => {
        const run = start(morph('--network', 'dhcp', '--script', script('mark.sh', 'echo changed >"$1/etc/marker"')))
        await Promise.race([sleep(point), run.ended()])
        const pids = qemuPids(stateDir)

        const { exitCode } = await run.kill()

        await assertGone(pids)
        const isDecided = existsSync(`${image}.instar-commit`)
        const { stderr } = await lookAtImage()
        assertNothingLeft()
        execFileSync('qemu-img', ['check', '-q', image])
        if (isDecided || exitCode === 0) sourceHash = await hashFile(image, signal)
        else await assertUnchanged()
        if (isDecided) assert.match(stderr, /Finish|^error/m)
      })
    }

    test('after all of it a run succeeds', { skip: MORE_POINTS === 0 ? 'done by the new image above' : false }, async () => {
      const { exitCode, stderr } = await start(morph()).ended()

      assert.equal(exitCode, 0, stderr)
      assertNothingLeft()
    })
  },
)
