import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventBody, InstarError } from '@instar/contract'
import type { FakeRule } from '@instar/machine/fake'
import { FakeMachine } from '@instar/machine/fake'
import type { PackageManager } from '../detect/packages.ts'
import type { PhonyFile } from '../tree/phony-guest.ts'
import { phonyGuest } from '../tree/phony-guest.ts'
import { planPackages } from './plan-packages.ts'
import { runPackages } from './run-packages.ts'

const GUEST: Record<string, PhonyFile> = {
  'usr/sbin/': '',
  'run/': '',
  'etc/resolv.conf': { link: '/run/systemd/resolve/stub-resolv.conf' },
}

/** Answers in the order of asking, by the words that the guest's command line holds. */
function machineWith(answers: Record<string, FakeRule[1]>, listings: string[] = ['', '']): FakeMachine {
  const lists = [...listings]
  const guestRules = Object.entries(answers).map(([words, answer]): FakeRule => [
    argv => argv[0] === 'unshare' && argv.join(' ').includes(words),
    answer,
  ])
  return new FakeMachine({
    files: { '/etc/resolv.conf': 'nameserver 10.0.2.3\n' },
    rules: [
      ...guestRules,
      [argv => argv[0] === 'unshare' && (argv.includes('dpkg-query') || argv.includes('-qa')), () => ({ stdout: lists.shift() ?? '' })],
      [['unshare'], {}],
      [['mktemp'], { stdout: '/tmp/instar-packages.abc123\n' }],
      ...['rm', 'cp', 'mv', 'sh'].map((name): FakeRule => [[name], {}]),
    ],
  })
}

async function run(
  machine: FakeMachine,
  request: { install?: string[]; remove?: string[]; manager?: PackageManager; files?: Record<string, PhonyFile>; signal?: AbortSignal },
) {
  const events: EventBody[] = []
  const plan = planPackages(phonyGuest(request.files ?? GUEST), {
    manager: request.manager ?? 'apt',
    install: request.install ?? [],
    remove: request.remove ?? [],
  })!
  const outcome = runPackages(machine, {
    root: '/mnt/guest',
    plan,
    signal: request.signal ?? new AbortController().signal,
    emit: event => events.push(event),
  })
  return { outcome: await outcome, events }
}

const networkCalls = (machine: FakeMachine) =>
  machine.calls.filter(call => call.startsWith('network') || / (update|install|remove|-W) /.test(` ${call} `))

test('packages are changed in the guest, isolated, with the network only for the fetching steps', async () => {
  const machine = machineWith({}, [
    'installed\ta\t1\ninstalled\topen-vm-tools\t2\n',
    'installed\ta\t1\ninstalled\tqemu-guest-agent\t7\nnot-installed\tz\t\n',
  ])

  const { outcome, events } = await run(machine, { install: ['qemu-guest-agent'], remove: ['open-vm-tools'] })

  assert.deepEqual(outcome, { changes: ['open-vm-tools 2 removed', 'qemu-guest-agent 7 installed'], warnings: [], files: [] })
  const order = networkCalls(machine).map(
    call => /network \w+|(?<= )(?:remove|update|install|-W)(?= |$)/.exec(call.replace(/.*chroot/s, ''))?.[0],
  )
  assert.deepEqual(order, ['-W', 'remove', 'network on', 'update', 'install', 'network off', '-W'])
  assert.deepEqual(
    events.map(({ step, state }) => `${step}: ${state}`),
    [
      'Removing open-vm-tools: started',
      'Removing open-vm-tools: succeeded',
      'Fetching the package indexes: started',
      'Fetching the package indexes: succeeded',
      'Installing qemu-guest-agent: started',
      'Installing qemu-guest-agent: succeeded',
    ],
  )
})

test('the command has namespaces of its own, a clean environment and its files in place', async () => {
  const machine = machineWith({})

  await run(machine, { install: ['x'] })

  const command = machine.commands.find(argv => argv.includes('install'))!
  for (const word of ['--mount', '--propagation=private', '--pid', '--ipc', '--uts', '--kill-child=KILL'])
    assert.ok(command.includes(word), word)
  assert.ok(!command.includes('--net'))
  assert.ok(machine.commands.find(argv => argv.includes('dpkg-query'))!.includes('--net'))
  const at = command.indexOf('run')
  assert.deepEqual(command.slice(at, at + 3), ['run', '/tmp/instar-packages.abc123/0', '/run/systemd/resolve/stub-resolv.conf'])
  assert.equal(machine.files.get('/tmp/instar-packages.abc123/0')?.toString(), 'nameserver 10.0.2.3\n')
  const clean = command.slice(command.indexOf('-i') + 1, command.indexOf('chroot'))
  assert.ok(clean.includes('PATH=/usr/sbin:/usr/bin:/sbin:/bin') && clean.includes('DEBIAN_FRONTEND=noninteractive'))
  assert.deepEqual(command.slice(command.indexOf('chroot'), command.indexOf('chroot') + 3), ['chroot', '/mnt/guest', 'apt-get'])
})

test('policy-rc.d is made for the run and taken back, and a foreign link is moved back', async () => {
  const machine = machineWith({})

  await run(machine, { install: ['x'], files: { ...GUEST, 'etc/resolv.conf': { link: '/nowhere' } } })

  const calls = machine.commands.filter(argv => ['cp', 'mv', 'sh', 'rm'].includes(argv[0] ?? '')).map(argv => argv.join(' '))
  const temp = '/tmp/instar-packages.abc123'
  assert.deepEqual(calls.slice(0, calls.length / 2), [
    'mv -T /mnt/guest/etc/resolv.conf /mnt/guest/etc/resolv.conf.instar-aside',
    `cp -p ${temp}/0 /mnt/guest/etc/resolv.conf`,
    `cp -p ${temp}/1 /mnt/guest/usr/sbin/policy-rc.d`,
    `sh -c if cmp -s "$1" "$2"; then rm -f "$2"; fi sh ${temp}/1 /mnt/guest/usr/sbin/policy-rc.d`,
    `sh -c if cmp -s "$1" "$2"; then rm -f "$2"; fi sh ${temp}/0 /mnt/guest/etc/resolv.conf`,
    'mv -T /mnt/guest/etc/resolv.conf.instar-aside /mnt/guest/etc/resolv.conf',
    `rm -rf ${temp}`,
  ])
  assert.equal(machine.files.get(`${temp}/1`)?.toString(), '#!/bin/sh\nexit 101\n')
  assert.equal(machine.modes.get(`${temp}/1`), 0o755)
})

for (const [name, answers, code, words] of [
  [
    'a name in no repository',
    { ' install': { exitCode: 100, stderr: 'E: Unable to locate package x\n' } },
    'packages.unknown-name',
    /Unable to locate package x/,
  ],
  [
    'a full disk',
    { ' install': { exitCode: 100, stderr: "E: You don't have enough free space in /var/cache/apt/archives/.\n" } },
    'packages.no-space',
    /free space/,
  ],
  [
    'a dead repository at the install',
    { ' install': { exitCode: 100, stderr: 'E: Failed to fetch http://deb.example/x.deb  Could not connect\n' } },
    'packages.no-repository',
    /deb\.example/,
  ],
  [
    'a failing maintainer script',
    { ' install': { exitCode: 100, stderr: 'dpkg: error processing package x\n' } },
    'packages.failed',
    /apt-get ended with 100/,
  ],
  [
    'a broken database',
    { ' install': { exitCode: 100, stderr: "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'\n" } },
    'packages.broken',
    /interrupted/,
  ],
  ['no end', { ' install': { exitCode: 137, timedOut: true } }, 'packages.timed-out', /no end after 40 minutes/],
] as const) {
  test(`${name} is ${code}, with the manager's own words, and all is taken back`, async () => {
    const machine = machineWith(answers)

    await assert.rejects(run(machine, { install: ['x'] }), (error: InstarError) => {
      assert.equal(error.code, code)
      assert.match(error.message, words)
      return true
    })

    assert.equal(machine.isNetworkOn, false)
    assert.ok(machine.calls.some(call => call.includes('cmp -s') && call.endsWith('/usr/sbin/policy-rc.d')))
    assert.ok(
      machine.calls.filter(call => call.startsWith('run mktemp')).length ===
        machine.calls.filter(call => call.startsWith('run rm -rf')).length,
    )
  })
}

test('a dead repository is named when the package was not found for its sake, though apt-get update ends with 0', async () => {
  const machine = machineWith({
    ' update': {
      exitCode: 0,
      stdout: 'Ign:1 http://dead.example bookworm InRelease\nErr:1 http://dead.example bookworm InRelease\n  Could not resolve\n',
      stderr: 'W: Failed to fetch http://dead.example\n',
    },
    ' install': { exitCode: 100, stderr: 'E: Unable to locate package x\n' },
  })

  await assert.rejects(
    run(machine, { install: ['x'] }),
    (error: InstarError) => error.code === 'packages.no-repository' && error.message.includes('dead.example'),
  )
})

test('a dead repository that was not needed is only a warning', async () => {
  const machine = machineWith({ ' update': { exitCode: 100, stderr: 'E: Failed to fetch http://dead.example/InRelease\n' } })

  const { outcome } = await run(machine, { install: ['x'] })

  assert.match(outcome.warnings[0]!, /did not answer: E: Failed to fetch http:\/\/dead\.example/)
})

test('a cancel in mid-install switches the network off and takes everything back', async () => {
  const cancel = new AbortController()
  const machine = machineWith({
    ' install': () => {
      cancel.abort(new Error('cancelled by the user'))
      cancel.signal.throwIfAborted()
      return {}
    },
  })

  await assert.rejects(run(machine, { install: ['x'], signal: cancel.signal }), /cancelled by the user/)

  assert.equal(machine.isNetworkOn, false)
  assert.deepEqual(machine.calls.slice(-1), ['network off'])
  assert.ok(machine.calls.some(call => call.includes('cmp -s') && call.endsWith('/usr/sbin/policy-rc.d')))
  assert.equal(machine.calls.filter(call => call.startsWith('run rm -rf')).length, 2)
})

test('zypper advises a reboot and has not failed; rpm names the files of what is new', async () => {
  const machine = machineWith(
    { ' install ': { exitCode: 102 }, ' -q --qf': { stdout: '-rwxr-xr-x\t/usr/bin/qemu-ga\nlrwxrwxrwx\t/etc/x\n(contains no files)\n' } },
    ['a\t1-1.x86_64\ngpg-pubkey\tx\n', 'a\t1-1.x86_64\nqemu-guest-agent\t7-1.x86_64\n'],
  )

  const { outcome } = await run(machine, { manager: 'zypper', install: ['qemu-guest-agent'] })

  assert.deepEqual(outcome, {
    changes: ['qemu-guest-agent 7-1.x86_64 installed'],
    warnings: [],
    files: [
      { path: '/usr/bin/qemu-ga', kind: 'file' },
      { path: '/etc/x', kind: 'link' },
    ],
  })
  assert.ok(
    machine.commands
      .find(argv => argv.includes('-q') && argv.includes('rpm'))!
      .join(' ')
      .endsWith(' qemu-guest-agent'),
  )
})

test('output without end is kept in part only', async () => {
  const machine = machineWith({ ' install ': { exitCode: 1, stdout: 'x'.repeat(5_000_000), stderr: 'the last word\n' } })

  await assert.rejects(run(machine, { install: ['x'] }), (error: InstarError) => {
    assert.ok((error.details['output'] as string).length <= 65_536)
    return error.message.endsWith('the last word')
  })
})
