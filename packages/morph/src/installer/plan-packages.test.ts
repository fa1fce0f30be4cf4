import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InstarError } from '@instar/contract'
import fc from 'fast-check'
import type { PhonyFile } from '../tree/phony-guest.ts'
import { phonyGuest } from '../tree/phony-guest.ts'
import { planOverlay } from './overlay.ts'
import { planPackages } from './plan-packages.ts'

const DEBIAN: Record<string, PhonyFile> = {
  'usr/sbin/': '',
  'run/': '',
  'etc/resolv.conf': 'nameserver 192.0.2.1\n',
  'var/lib/dpkg/status': 'Package: a\nStatus: install ok installed\n',
}
const plan = (files: Record<string, PhonyFile>, request: { install?: string[]; remove?: string[] }) =>
  planPackages(phonyGuest(files), { manager: 'apt', install: request.install ?? [], remove: request.remove ?? [] })!

test('nothing is planned when nothing was asked for', () => {
  assert.equal(planPackages(phonyGuest(DEBIAN), { manager: 'apt', install: [], remove: [] }), undefined)
})

test('removals come first and need no network; the index is fetched only for installs', () => {
  const { steps } = plan(DEBIAN, { install: ['qemu-guest-agent'], remove: ['open-vm-tools'] })

  assert.deepEqual(
    steps.map(({ kind, needsNetwork }) => `${kind} ${needsNetwork}`),
    ['remove false', 'refresh true', 'install true'],
  )
  assert.deepEqual(
    plan(DEBIAN, { remove: ['x'] }).steps.map(({ kind }) => kind),
    ['remove'],
  )
})

test('apt asks nothing, removes nothing beside, brings no recommended package and no kernel', () => {
  const { argv } = plan(DEBIAN, { install: ['qemu-guest-agent'] }).steps.at(-1)!

  assert.deepEqual(argv.slice(-2), ['install', 'qemu-guest-agent'])
  for (const word of [
    '-y',
    '--no-install-recommends',
    '--no-remove',
    '-o=Dpkg::Options::=--force-confold',
    '-o=Dir::Etc::preferences=/run/instar/apt-preferences',
  ]) {
    assert.ok(argv.includes(word), word)
  }
  assert.ok(!argv.some(word => /unauthenticated|allow-insecure|gpg/i.test(word)))
})

test('a kernel that was asked for is not held back', () => {
  const { steps, overlays } = plan(DEBIAN, { install: ['linux-image-amd64'] })

  assert.ok(!steps.at(-1)!.argv.some(word => word.includes('preferences')))
  assert.equal(overlays.length, 2)
})

test('an interrupted dpkg is finished first', () => {
  for (const [files, who] of [
    [{ 'var/lib/dpkg/status': 'Package: b\nStatus: install ok half-configured\n\nPackage: c\nStatus: install ok installed\n' }, 'b'],
    [{ 'var/lib/dpkg/status': 'Package: d\nStatus: install reinstreq half-installed\n' }, 'd'],
    [{ 'var/lib/dpkg/updates/0001': '' }, '(dpkg journal)'],
  ] as const) {
    const [first] = plan({ ...DEBIAN, ...files }, { install: ['x'] }).steps

    assert.equal(first?.kind, 'repair')
    assert.equal(first.sentence, `Finishing the interrupted set-up of ${who}`)
    assert.deepEqual(first.argv.slice(0, 3), ['dpkg', '--configure', '-a'])
  }
})

for (const [manager, install, remove] of [
  [
    'dnf',
    'dnf -y --setopt=timeout=20 --setopt=retries=2 --setopt=*.skip_if_unavailable=1 --setopt=install_weak_deps=False --setopt=tsflags=nodocs --exclude=kernel* install x',
    'dnf -y remove --noautoremove y',
  ],
  [
    'dnf5',
    'dnf5 -y --setopt=timeout=20 --setopt=retries=2 --setopt=*.skip_if_unavailable=1 --setopt=install_weak_deps=False --setopt=tsflags=nodocs --exclude=kernel* install x',
    'dnf5 -y remove --no-autoremove y',
  ],
  [
    'yum',
    'yum -y --setopt=timeout=20 --setopt=retries=2 --setopt=*.skip_if_unavailable=1 --setopt=strict=1 --setopt=skip_missing_names_on_install=0 --setopt=tsflags=nodocs --exclude=kernel* install x',
    'yum -y --disableplugin=subscription-manager --setopt=clean_requirements_on_remove=0 remove y',
  ],
  [
    'zypper',
    'zypper --non-interactive install --no-recommends --auto-agree-with-licenses x',
    'zypper --non-interactive remove --no-clean-deps y',
  ],
  ['apk', 'apk add --no-progress x', 'apk del --no-progress y'],
  ['pacman', 'pacman -S --noconfirm --noprogressbar --needed x', 'pacman -Rn --noconfirm --noprogressbar y'],
] as const) {
  test(`${manager} installs and removes without a question, signatures checked`, () => {
    const { steps, overlays } = planPackages(phonyGuest(DEBIAN), { manager, install: ['x'], remove: ['y'] })!

    const lines = Object.fromEntries(steps.map(({ kind, argv }) => [kind, argv.join(' ')]))
    assert.deepEqual([lines['install'], lines['remove']], [install, remove])
    assert.equal(lines['refresh'] === undefined, manager === 'pacman', 'a refresh alone would be half an upgrade on Arch')
    assert.ok(!Object.values(lines).some(line => /nogpg|no-gpg|allow-untrusted|nosignature/.test(line)))
    assert.equal(overlays.length, 1)
  })
}

test('a guest whose packages cannot be changed offline is refused', () => {
  for (const manager of ['rpm-ostree', 'transactional-update', 'microdnf', undefined] as const) {
    assert.throws(
      () => planPackages(phonyGuest({}), { manager, install: ['x'], remove: [] }),
      (error: InstarError) => error.code === 'packages.unsupported' && error.message.includes('cannot change x'),
    )
  }
})

test('what is no package name never reaches a command line', () => {
  for (const name of ['--allow-unauthenticated', 'a b', '', '-y', 'x;reboot', '../x', '$(x)']) {
    assert.throws(() => plan(DEBIAN, { install: [name] }), { code: 'usage.bad-argument' }, name)
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), name => {
      try {
        assert.ok(
          plan(DEBIAN, { install: [name] })
            .steps.at(-1)!
            .argv.includes(name),
        )
        assert.match(name, /^[A-Za-z0-9][\w+.:~=@/-]*$/)
      } catch (error) {
        if (!(error instanceof InstarError)) throw error
      }
    }),
  )
})

test('a file is put at a path without touching what is there', () => {
  const tree = phonyGuest({
    'run/': '',
    'etc/plain': 'x',
    'etc/real/file': 'y',
    'etc/link': { link: 'real/file' },
    'etc/stub': { link: '../run/systemd/resolve/stub-resolv.conf' },
    'etc/old': { link: '/var/run/resolv.conf' },
    'etc/two': { link: 'stub' },
    'etc/dangling': { link: '/nowhere/x' },
    'etc/loop': { link: 'loop' },
    'etc/folder/x': '',
    'usr/sbin/': '',
    sbin: { link: 'usr/sbin' },
  })

  assert.deepEqual(planOverlay(tree, '/etc/plain'), { how: 'bind', at: '/etc/plain' })
  assert.deepEqual(planOverlay(tree, '/etc/link'), { how: 'bind', at: '/etc/real/file' })
  assert.deepEqual(planOverlay(tree, '/etc/stub'), { how: 'run', at: '/run/systemd/resolve/stub-resolv.conf' })
  assert.deepEqual(planOverlay(tree, '/etc/old'), { how: 'run', at: '/run/resolv.conf' })
  assert.deepEqual(planOverlay(tree, '/etc/two'), { how: 'run', at: '/run/systemd/resolve/stub-resolv.conf' })
  assert.deepEqual(planOverlay(tree, '/sbin/policy-rc.d'), { how: 'create', at: '/usr/sbin/policy-rc.d' })
  assert.deepEqual(planOverlay(tree, '/etc/dangling'), { how: 'replace', at: '/etc/dangling', aside: '/etc/dangling.instar-aside' })
  assert.deepEqual(planOverlay(tree, '/etc/loop'), { how: 'replace', at: '/etc/loop', aside: '/etc/loop.instar-aside' })
  assert.equal(planOverlay(tree, '/etc/folder'), undefined)
  assert.equal(planOverlay(tree, '/missing/x'), undefined)
  assert.deepEqual(tree.changes(), [])
})

test('the pins that hold kernels back come after the preferences of the guest', () => {
  const { overlays } = plan({ ...DEBIAN, 'etc/apt/preferences': 'Package: a\nPin: release x\nPin-Priority: 1\n' }, { install: ['x'] })

  assert.match(overlays.at(-1)!.content as string, /^Package: a\n[^]*\n\nPackage: linux-image-\*.*\nPin: release \*\nPin-Priority: -1\n$/)
})

test('upstart is told nothing while packages change', () => {
  const { overlays } = plan({ ...DEBIAN, 'sbin/initctl': '' }, { install: ['x'] })

  assert.deepEqual(overlays.find(({ place }) => place.at === '/sbin/initctl')?.place, { how: 'bind', at: '/sbin/initctl' })
})
