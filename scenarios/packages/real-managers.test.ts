import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { requires } from '../../fixtures/src/require.ts'
import type { PackageManager } from '../../packages/morph/src/detect/packages.ts'
import { planPackages } from '../../packages/morph/src/installer/plan-packages.ts'
import { runPackages } from '../../packages/morph/src/installer/run-packages.ts'
import { phonyGuest } from '../../packages/morph/src/tree/phony-guest.ts'
import { thisMachine } from '../boot/real-root.ts'
import { inForeignRoot, openForeignRoot } from './foreign-root.ts'

// apt, dnf, zypper and pacman themselves, as Debian packs them, with our command lines, on repositories in their root. yum 3 and apk are
// not in Debian.

const signal = AbortSignal.timeout(600_000)

interface Case {
  readonly manager: PackageManager
  readonly versions: readonly [a: string, b: string]
  /** A repository that is not there. */
  readonly dead?: { readonly file: string; readonly text: string }
}

const DEAD = '[dead]\nname=dead\nbaseurl=file:///nowhere\nenabled=1\ngpgcheck=0\n'
const RPM = ['1.a-1.noarch', '1.b-1.noarch'] as const

const CASES: readonly Case[] = [
  {
    manager: 'apt',
    versions: ['1.a', '1.b'],
    dead: { file: 'etc/apt/sources.list.d/dead.list', text: 'deb [trusted=yes] file:///nowhere ./\n' },
  },
  { manager: 'dnf', versions: RPM, dead: { file: 'etc/yum.repos.d/dead.repo', text: DEAD } },
  { manager: 'zypper', versions: RPM, dead: { file: 'etc/zypp/repos.d/dead.repo', text: DEAD } },
  { manager: 'pacman', versions: ['1.a-1', '1.b-1'] },
]

describe('real package managers', { skip: requires(['root', 'mmdebstrap'], process.env), concurrency: false }, () => {
  let root: Awaited<ReturnType<typeof openForeignRoot>>

  before(async () => {
    root = await openForeignRoot(signal)
  })
  beforeEach(async () => {
    const clean =
      'for name in instar-a instar-b; do rpm -e --nodeps $name; pacman -Rdd --noconfirm $name; dpkg --purge --force-depends $name; done; rm -rf /opt/instar'
    await thisMachine().run(inForeignRoot(root.path)(['sh', '-c', clean]), { signal })
  })
  after(() => root[Symbol.asyncDispose]())

  function change(manager: PackageManager, request: { install?: string[]; remove?: string[] }) {
    const tree = phonyGuest({ 'usr/sbin/': '', 'run/': '', 'etc/resolv.conf': readFileSync(join(root.path, 'etc/resolv.conf')) })
    const plan = planPackages(tree, { manager, install: request.install ?? [], remove: request.remove ?? [] })
    assert.ok(plan)
    return runPackages(thisMachine(), { root: root.path, plan, signal, emit: () => undefined })
  }

  for (const { manager, versions, dead } of CASES) {
    test(`${manager} installs with what is needed, removes only what is named, and tells what it does not know`, async () => {
      const [a, b] = versions
      const files = ['a', 'b'].map(name => join(root.path, 'opt/instar', name))

      const installed = await change(manager, { install: ['instar-a'] })
      assert.deepEqual(
        { ...installed, files: installed.files.toSorted((a, b) => (a.path < b.path ? -1 : 1)) },
        {
          changes: [`instar-a ${a} installed`, `instar-b ${b} installed`],
          warnings: [],
          files: manager === 'pacman' || manager === 'apt' ? [] : ['a', 'b'].map(name => ({ path: `/opt/instar/${name}`, kind: 'file' })),
        },
      )
      assert.deepEqual(files.map(existsSync), [true, true])

      await assert.rejects(change(manager, { install: ['instar-nowhere'] }), { code: 'packages.unknown-name', message: /instar-nowhere/ })

      const removed = await change(manager, { remove: ['instar-a'] })
      assert.deepEqual(removed.changes, [`instar-a ${a} removed`])
      assert.deepEqual(files.map(existsSync), [false, true])
    })

    if (dead === undefined) continue
    test(`${manager}: a repository that does not answer is a warning where it is not needed, and the reason where it is`, async () => {
      writeFileSync(join(root.path, dead.file), dead.text)
      try {
        const installed = await change(manager, { install: ['instar-b'] })
        assert.deepEqual(installed.changes, [`instar-b ${versions[1]} installed`])
        assert.match(installed.warnings.join('\n'), /some package repositories of the guest did not answer: .*/)
        await assert.rejects(change(manager, { install: ['instar-nowhere'] }), { code: 'packages.no-repository', message: /nowhere/ })
      } finally {
        rmSync(join(root.path, dead.file))
      }
    })
  }
})
