import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { buildGuest, heavy, requires } from '@instar/fixtures'
import { Instar } from '../runner/instar.ts'
import { openSmallRepository } from './small-repository.ts'

const skip = requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env)
const signal = AbortSignal.timeout(600_000)
const workDir = mkdtempSync(join(tmpdir(), 'instar-guest-packages-'))
const image = join(workDir, 'guest.qcow2')
after(() => rmSync(workDir, { recursive: true, force: true }))

function script(name: string, lines: readonly string[]): string {
  writeFileSync(join(workDir, name), ['#!/bin/sh', 'set -eu', ...lines, ''].join('\n'))
  return join(workDir, name)
}

test(
  "a Debian's own apt removes and installs what was asked, with a network for that step only, and the record tells it",
  { skip },
  async () => {
    const guest = await buildGuest({ variant: 'ext4', cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', signal })
    await using _turn = await heavy(signal)
    await using repository = await openSmallRepository(workDir)
    copyFileSync(guest.file, image)
    const instar = new Instar(join(workDir, 'state'), signal)
    // QEMU's name for this host's loopback.
    const address = `10.0.2.2:${repository.port}`
    const tellNetwork = `perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(PeerAddr => "${address}", Timeout => 2) ? "reached" : "no network"'`
    const before = script('before.sh', [
      `echo 'deb [trusted=yes] http://${address} ./' >"$1/etc/apt/sources.list"`,
      '[ -x "$1/usr/bin/lz4" ]',
      tellNetwork,
    ])
    const later = script('later.sh', [
      '[ ! -e "$1/usr/bin/lz4" ]',
      // What holds the guest's daemons back is put there for the step alone.
      '[ ! -e "$1/usr/sbin/policy-rc.d" ]',
      'cat "$1"/opt/instar/instar-a "$1"/opt/instar/instar-b',
      tellNetwork,
    ])

    const flags = ['--script', before, '--script', `${later},phase=osmorphing_pre_os_dismount`]
    const morph = await instar.run('morph', image, ...flags, '--install', 'instar-a', '--remove', 'lz4')

    assert.equal(morph.exitCode, 0, morph.stderr)
    assert.equal(await instar.scriptOutput('before.sh', 'stdout'), 'no network\n')
    assert.equal(await instar.scriptOutput('later.sh', 'stdout'), 'instar-a\ninstar-b\nno network\n')
    assert.deepEqual(repository.asked.filter(path => path.endsWith('.deb')).toSorted(), ['/instar-a.deb', '/instar-b.deb'])
    const { run } = (await instar.lastRun()) ?? assert.fail('there is no record')
    const changes = run.changes?.steps.find(({ step }) => step === 'Changing packages')?.changes ?? []
    assert.deepEqual(
      changes.map(change => change.replace(/^lz4 \S+/, 'lz4')),
      ['instar-a 1.0 installed', 'instar-b 1.0 installed', 'lz4 removed'],
    )
  },
)
