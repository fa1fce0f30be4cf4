import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ScriptSpec } from '@instar/contract/scripts'
import { dir, phonyGuest } from '../tree/phony-guest.ts'
import type { PhonyFile } from '../tree/phony-guest.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { registerFirstBoot } from './register-first-boot.ts'
import type { FirstBootRequest } from './register-first-boot.ts'

const BASE = '/var/lib/instar/firstboot'
const hello: ScriptSpec = {
  name: 'hello',
  phase: 'replica_first_boot',
  source: 'instance',
  payload: 'echo hello\r\n',
  timeoutS: 60,
  retries: 0,
  onFailure: 'abort',
  env: { GREETING: "it's" },
}
const guest = (more: Record<string, PhonyFile> = {}): GuestTree =>
  phonyGuest({ 'bin/sh': '', 'usr/bin/env': '', 'etc/hostname': 'a\n', ...more })
const request = (over: Partial<FirstBootRequest> = {}): FirstBootRequest => ({
  runId: 'r1',
  scripts: [hello],
  secrets: [],
  facts: { init: 'systemd', distro: 'debian 12' },
  ...over,
})

test('writes payload, runner, unit and its link for systemd', () => {
  const tree = guest()

  const warnings = registerFirstBoot(tree, request())

  assert.deepEqual(warnings, [])
  assert.equal(tree.read(`${BASE}/r1/scripts/001/payload`), 'echo hello\n')
  assert.match(tree.read(`${BASE}/runner.sh`) ?? '', /^#!\/bin\/sh\n/)
  assert.match(
    tree.read('/etc/systemd/system/instar-firstboot.service') ?? '',
    /^ExecStart=\/bin\/sh \/var\/lib\/instar\/firstboot\/runner\.sh$/m,
  )
  assert.equal(
    tree.lstat('/etc/systemd/system/multi-user.target.wants/instar-firstboot.service')?.target,
    '/etc/systemd/system/instar-firstboot.service',
  )
  assert.deepEqual(tree.list(`${BASE}/queue`), ['001-r1'])
})

test('writes only below /etc and /var/lib/instar', () => {
  const tree = guest()

  registerFirstBoot(tree, request())

  const outside = tree
    .changes()
    .filter(({ path }) => !/^\/(?:etc|var|var\/lib|var\/lib\/instar(?:\/.*)?|etc\/systemd(?:\/.*)?)$/.test(path))
  assert.deepEqual(outside, [])
})

test('gives the runner what it has to mask: secrets and their parts in hex, the longest first', () => {
  const tree = guest()
  const value = Buffer.from('TOKEN=hunter2222\nuser=joe\n')

  registerFirstBoot(tree, request({ secrets: [{ name: 'login', value }] }))

  const masks = (tree.read(`${BASE}/r1/masks/hex`) ?? '').trimEnd().split('\n')
  assert.deepEqual(
    masks.map(mask => Buffer.from(mask, 'hex').toString()),
    ['TOKEN=hunter2222\nuser=joe', 'TOKEN=hunter2222', 'hunter2222', 'user=joe'],
  )
  assert.match(tree.read(`${BASE}/r1/run`) ?? '', /^longest_mask=25$/m)
  assert.equal(tree.lstat(`${BASE}/r1/masks/hex`)?.mode.toString(8), '400')
})

test('gives nobody but root the scripts, and the secrets mode 0400', () => {
  const tree = guest()

  registerFirstBoot(tree, request({ secrets: [{ name: 'token', value: Buffer.from('s3cret') }] }))

  const mode = (path: string): string | undefined => tree.stat(`${BASE}/${path}`)?.mode.toString(8)
  assert.deepEqual(['', 'r1', 'r1/secrets', 'r1/secrets/token', 'r1/scripts/001/env'].map(mode), ['700', '700', '700', '400', '600'])
})

test('writes bytes, not latin1, for a name and payload beyond ASCII', () => {
  const tree = guest()

  registerFirstBoot(tree, request({ scripts: [{ ...hello, name: 'grüß', payload: 'echo ü' }] }))

  assert.equal(tree.readBytes(`${BASE}/r1/scripts/001/payload`)?.toString('utf8'), 'echo ü')
  assert.match(tree.read(`${BASE}/r1/scripts/001/spec`) ?? '', /^name="gr\\u00fc\\u00df"$/m)
})

test('changes nothing without scripts, whatever the init', () => {
  const tree = guest()

  registerFirstBoot(tree, request({ scripts: [], facts: { init: 'runit', distro: '' } }))

  assert.deepEqual(tree.changes(), [])
})

for (const init of ['runit', 's6', 'procd', 'busybox', 'unknown', '']) {
  test(`refuses a guest with init "${init}" and writes nothing`, () => {
    const tree = guest()

    assert.throws(() => registerFirstBoot(tree, request({ facts: { init, distro: '' } })), { code: 'first-boot.unsupported-init' })
    assert.deepEqual(tree.changes(), [])
  })
}

test('writes an OpenRC service into the default runlevel', () => {
  const tree = guest({ 'etc/runlevels/default/': dir })

  registerFirstBoot(tree, request({ facts: { init: 'openrc', distro: 'alpine 3.20' } }))

  assert.equal(tree.stat('/etc/init.d/instar-firstboot')?.mode, 0o755)
  assert.equal(tree.lstat('/etc/runlevels/default/instar-firstboot')?.target, '/etc/init.d/instar-firstboot')
})

for (const [family, rcDir] of Object.entries({ Debian: 'etc/rcN.d', 'Red Hat': 'etc/rc.d/rcN.d', SUSE: 'etc/init.d/rcN.d' })) {
  test(`links a SysV script in all multi-user runlevels as ${family} has them`, () => {
    const tree = guest(Object.fromEntries(['2', '3', '4', '5'].map(level => [`${rcDir.replace('N', level)}/`, dir])))

    registerFirstBoot(tree, request({ facts: { init: 'sysvinit', distro: '' } }))

    for (const level of ['2', '3', '4', '5']) {
      assert.equal(tree.lstat(`/${rcDir.replace('N', level)}/S99instar-firstboot`)?.target, '/etc/init.d/instar-firstboot')
    }
  })
}

test('links once where /etc/rc3.d is a link to /etc/rc.d/rc3.d', () => {
  const tree = guest({ 'etc/rc.d/rc3.d/': dir, 'etc/rc3.d': { link: 'rc.d/rc3.d' } })

  registerFirstBoot(tree, request({ facts: { init: 'upstart', distro: '' } }))

  assert.deepEqual(tree.list('/etc/rc.d/rc3.d'), ['S99instar-firstboot'])
})

test('adds itself once to the list of startpar', () => {
  const tree = guest({ 'etc/rc2.d/': dir, 'etc/init.d/.depend.start': 'TARGETS = rsyslog cron\nINTERACTIVE =\ncron: rsyslog\n' })

  registerFirstBoot(tree, request({ facts: { init: 'sysvinit', distro: '' } }))
  registerFirstBoot(tree, request({ facts: { init: 'sysvinit', distro: '' } }))

  assert.match(tree.read('/etc/init.d/.depend.start') ?? '', /^TARGETS = rsyslog cron instar-firstboot\nINTERACTIVE/)
})

test('warns of a list of startpar that it cannot read, and refuses where no start link can stand', () => {
  const odd = guest({ 'etc/rc2.d/': dir, 'etc/init.d/.depend.start': 'nonsense' })

  const warnings = registerFirstBoot(odd, request({ facts: { init: 'sysvinit', distro: '' } }))

  assert.deepEqual(
    warnings.map(each => each.code),
    ['first-boot.insserv'],
  )
  assert.throws(() => registerFirstBoot(guest(), request({ facts: { init: 'sysvinit', distro: '' } })), {
    code: 'first-boot.unsupported-init',
  })
})

test('warns of interpreters that the guest does not have', () => {
  const scripts = ['#!/bin/bash\n', '#!/bin/sh\n', 'echo\n', '#!/usr/bin/env -S python3 -u\n', '#!/usr/bin/env sh\n']

  const warnings = registerFirstBoot(
    guest(),
    request({ scripts: scripts.map((payload, index) => ({ ...hello, name: `s${index}`, payload })) }),
  )

  assert.deepEqual(
    warnings.map(each => each.message),
    [
      'script "s0" needs /bin/bash, which the guest does not have',
      'script "s3" needs python3 (looked for in /usr/bin, /bin), which the guest does not have',
    ],
  )
})

test('replaces what the same run registered before', () => {
  const tree = guest()
  registerFirstBoot(tree, request({ scripts: [hello, hello] }))

  registerFirstBoot(tree, request())

  assert.deepEqual(tree.list(`${BASE}/r1/scripts`), ['001'])
  assert.deepEqual(tree.list(`${BASE}/queue`), ['001-r1'])
})

test('queues behind a run that the guest has not finished, and says so', () => {
  const tree = guest()
  registerFirstBoot(tree, request())

  const warnings = registerFirstBoot(tree, request({ runId: 'r2' }))

  assert.deepEqual(tree.list(`${BASE}/queue`), ['001-r1', '002-r2'])
  assert.deepEqual(
    warnings.map(each => each.code),
    ['first-boot.earlier-run'],
  )
})

test('keeps the records of a finished run and takes it out of the queue', () => {
  const tree = guest({
    'var/lib/instar/firstboot/r0/run': '',
    'var/lib/instar/firstboot/r0/finished': '',
    'var/lib/instar/firstboot/queue/001-r0': '',
  })

  const warnings = registerFirstBoot(tree, request())

  assert.deepEqual(tree.list(`${BASE}/queue`), ['001-r1'])
  assert.ok(tree.exists(`${BASE}/r0/finished`))
  assert.deepEqual(warnings, [])
})

for (const [what, over] of Object.entries({
  'a run id that leaves the folder': { runId: '../x' },
  'a run id that is the queue': { runId: 'queue' },
  'a secret that leaves the folder': { secrets: [{ name: '../x', value: Buffer.from('') }] },
  'a hidden secret': { secrets: [{ name: '.x', value: Buffer.from('') }] },
  'a variable that is no name': { scripts: [{ ...hello, env: { 'A=B; rm': '1' } }] },
  'a NUL byte in a name': { scripts: [{ ...hello, name: 'a\0' }] },
  'more retries than it has patience for': { scripts: [{ ...hello, retries: 100 }] },
  'an environment larger than Linux takes': { scripts: [{ ...hello, env: { A: 'x'.repeat(100_000) } }] },
})) {
  test(`refuses ${what}`, () => {
    const tree = guest()

    assert.throws(() => registerFirstBoot(tree, request(over)), { code: 'first-boot.bad-request' })
    assert.deepEqual(tree.changes(), [])
  })
}
