import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildGuest, type Guest, heavy, requires } from '@instar/fixtures'
import { hashFile } from '@instar/machine'

// Small file systems in memory stand for a full disk, mounted where only the command line of the test sees them.

const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts')
const skip = requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env)
const signal = AbortSignal.timeout(600_000)
const workDir = mkdtempSync(join(tmpdir(), 'instar-hostile-space-'))
const small = join(workDir, 'small')
const stateDir = join(workDir, 'state')
const image = join(workDir, 'guest.qcow2')

/** Runs the command line with a file system of `sizeKiB` at `small`; `prepare` is a line of sh that runs there before, `look` one after. */
async function runWith(
  { sizeKiB, prepare = ':', look = ':', state = stateDir }: { sizeKiB: number; prepare?: string; look?: string; state?: string },
  ...argv: readonly string[]
): Promise<{ exitCode: number | null; stdout: string; stderr: string; after: string }> {
  const shell = `mount -t tmpfs -o size=${sizeKiB}k none "$1" && cd "$1" && { ${prepare}; } && shift && { "$@"; code=$?; echo "=AFTER="; ${look}; exit $code; }`
  const child = spawn(
    'unshare',
    [
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-c',
      shell,
      'sh',
      small,
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      MAIN,
      ...argv,
    ],
    { env: { ...process.env, INSTAR_STATE_DIR: state, IMAGE: image }, stdio: ['ignore', 'pipe', 'pipe'], signal },
  )
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (piece: string) => (texts[name] += piece))
  const [exitCode] = (await once(child, 'close')) as [number | null]
  const [stdout = '', afterwards = ''] = texts.stdout.split('=AFTER=\n')
  return { exitCode, stdout, stderr: texts.stderr, after: afterwards.trim() }
}

function assertNoSpace({ exitCode, stderr }: { exitCode: number | null; stderr: string }): void {
  assert.equal(exitCode, 1, stderr)
  assert.match(stderr, /\[image\.no-space\]/)
  assert.match(stderr, /^hint: Free space there/m)
}

describe('no space left', { skip, concurrency: false }, () => {
  let guest: Guest
  let sourceHash = ''

  before(async () => {
    for (const folder of [small, stateDir]) mkdirSync(folder)
    guest = await buildGuest({ variant: 'ext4', cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', signal })
    copyFileSync(guest.file, image)
    sourceHash = await hashFile(image, signal)
  })
  after(() => rmSync(workDir, { recursive: true, force: true }))

  test('in the state folder, before anything is done', async () => {
    const fill = 'dd if=/dev/zero of=full bs=1k 2>/dev/null; true'

    const morph = await runWith({ sizeKiB: 64, prepare: fill, state: small }, 'morph', image)
    const check = await runWith({ sizeKiB: 64, prepare: fill, state: small }, 'check', image)

    assertNoSpace(morph)
    assert.match(morph.stderr, /no space left for \S+\/small\/runs\/\S+\/run\.json/)
    assertNoSpace(check)
    assert.equal(await hashFile(image, signal), sourceHash)
  })

  test('beside the image, for the layer: refused with both numbers', async () => {
    const copied = { sizeKiB: 300 * 1024, prepare: 'cp "$IMAGE" guest.qcow2', look: 'ls -A; cmp guest.qcow2 "$IMAGE" && echo same' }

    const morph = await runWith(copied, 'morph', join(small, 'guest.qcow2'))

    assertNoSpace(morph)
    assert.match(morph.stderr, /needed 256 MiB, free \d+ MiB in/)
    assert.equal(morph.after, 'guest.qcow2\nsame')
  })

  test('for a new image: refused when it is known how large it gets, and none is left', async () => {
    await using _turn = await heavy(signal)
    const out = { sizeKiB: 20 * 1024, look: 'ls -A' }

    const morph = await runWith(out, 'morph', image, '--skip-os-morphing', '--output', join(small, 'new.qcow2'))

    assertNoSpace(morph)
    assert.match(morph.stderr, /the new image .*new\.qcow2: needed \d+ MiB, free \d+ MiB/)
    assert.equal(morph.after, '')
    assert.equal(await hashFile(image, signal), sourceHash)
  })

  // The guest's kernel drops what it cannot write out and tells no program of it: script and unmount succeed.
  test('in mid-work, as a script writes more into the guest than the host has: the work fails, the image is as it was', async () => {
    await using _turn = await heavy(signal)
    const script = join(workDir, 'fill.sh')
    writeFileSync(script, '#!/bin/sh\nhead -c 300000000 /dev/urandom >"$1/var/big"\n')
    const copied = {
      sizeKiB: Math.ceil(245_563_392 / 1024) + 270 * 1024,
      prepare: 'cp "$IMAGE" guest.qcow2',
      look: 'ls -A; cmp guest.qcow2 "$IMAGE" && echo same',
    }

    const morph = await runWith(
      copied,
      'morph',
      join(small, 'guest.qcow2'),
      '--script',
      `${script},phase=osmorphing_post_os_mount,timeout=120`,
    )

    assertNoSpace(morph)
    assert.match(morph.stderr, /no space left for what the appliance wrote to \S+\/\.instar-layers\/\S+\/layer\.qcow2: No space left/)
    assert.equal(morph.after, 'guest.qcow2\nsame')
  })
})
