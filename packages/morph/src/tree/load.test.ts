import assert from 'node:assert/strict'
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { InstarError } from '@instar/contract'
import { loadTree } from './load.ts'
import { localMachine } from './local-machine.ts'

const signal = AbortSignal.timeout(60_000)
const codeOf = (error: unknown): string => (error instanceof InstarError ? error.code : String(error))
const codeThrown = (body: () => unknown): string => {
  try {
    body()
  } catch (error) {
    return codeOf(error)
  }
  return 'no error'
}

/** A folder on this machine with these files; a value that starts with "->" is a link. */
function guestFolder(t: TestContext, files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'instar-tree-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    if (content.startsWith('->')) symlinkSync(content.slice(2), join(root, path))
    else writeFileSync(join(root, path), content)
  }
  return root
}

test('loads what is wanted and says of the rest that nobody looked', async t => {
  const root = guestFolder(t, {
    'etc/fstab': '/dev/sda1 / ext4\n',
    'etc/shadow': 'root:*',
    'etc/big': 'x'.repeat(1024 * 1024 + 1),
    'usr/lib/modules/6.1/modules.dep': 'a: b\n',
    'usr/lib/modules/6.1/kernel/a.ko': 'elf',
    'boot/vmlinuz-6.1': 'kernel',
    'boot/grub/grub.cfg': 'menu',
    'home/user/file': 'mine',
    'srv/deep/x': '',
    lib: '->usr/lib',
  })
  chmodSync(join(root, 'etc/fstab'), 0o640)

  const tree = await loadTree(localMachine(), root, { signal })

  assert.equal(tree.read('/etc/fstab'), '/dev/sda1 / ext4\n')
  assert.equal(tree.stat('/etc/fstab')?.mode, 0o640)
  assert.equal(tree.read('/lib/modules/6.1/modules.dep'), 'a: b\n')
  assert.equal(tree.read('/boot/grub/grub.cfg'), 'menu')
  assert.deepEqual(tree.list('/lib/modules/6.1/kernel'), ['a.ko'])
  assert.equal(tree.stat('/boot/vmlinuz-6.1')?.sizeBytes, 6)
  assert.equal(
    codeThrown(() => tree.read('/boot/vmlinuz-6.1')),
    'guest.not-loaded',
  )
  assert.equal(
    codeThrown(() => tree.read('/etc/shadow')),
    'guest.not-loaded',
  )
  assert.equal(
    codeThrown(() => tree.read('/etc/big')),
    'guest.too-large',
  )
  assert.equal(
    codeThrown(() => tree.list('/home')),
    'guest.not-loaded',
  )
  assert.equal(tree.exists('/nowhere'), false)
  assert.deepEqual(tree.changes(), [])
})

test('the caller can ask for more: a file, and a folder with all it holds', async t => {
  const root = guestFolder(t, { 'opt/agent/bin/x': 'x', 'srv/deep/y': 'y', 'srv/deep/z': 'z' })

  const tree = await loadTree(localMachine(), root, { signal, paths: ['/opt/agent', '/srv/deep/y'] })

  assert.equal(tree.read('/opt/agent/bin/x'), 'x')
  assert.equal(tree.read('/srv/deep/y'), 'y')
  assert.equal(
    codeThrown(() => tree.read('/srv/deep/z')),
    'guest.not-loaded',
  )
})

test('links never lead out of the guest, and those that leave the wanted folders are looked at inside it', async t => {
  const outside = guestFolder(t, { secret: 'of the minion', 'etc/fstab': 'of the minion' })
  const root = guestFolder(t, {
    'etc/absolute': `->${outside}/secret`,
    'etc/up': `->${'../'.repeat(20)}${outside.slice(1)}/secret`,
    'etc/netplan/a.yaml': '->/opt/conf/a.yaml',
    'etc/resolv.conf': '->../run/systemd/resolve/stub-resolv.conf',
    'etc/localtime': '->/usr/share/zoneinfo/UTC',
    'opt/conf/a.yaml': 'network: {}',
    boot: `->${outside}/etc`,
    'usr/share/zoneinfo/UTC': 'TZif',
  })

  const tree = await loadTree(localMachine(), root, { signal })

  assert.equal(tree.read('/etc/absolute'), undefined)
  assert.equal(tree.read('/etc/up'), undefined)
  assert.equal(tree.read('/boot/fstab'), undefined)
  assert.equal(tree.read('/etc/netplan/a.yaml'), 'network: {}')
  assert.equal(tree.exists('/etc/resolv.conf'), false)
  assert.equal(tree.realpath('/etc/localtime'), '/usr/share/zoneinfo/UTC')
})

test('a wanted folder that is a link to elsewhere is read there, secrets excepted', async t => {
  const root = guestFolder(t, {
    var: '->../../srv/data/var',
    'srv/data/var/lib/dpkg/status': 'Package: a\n',
    'srv/data/var/lib/cloud': '->/opt/cloud',
    'opt/cloud/instance/x': 'x',
    etc: '->/srv/etc',
    'srv/etc/fstab': '# none',
    'srv/etc/shadow': 'root:*',
    boot: '->/boot',
  })

  const tree = await loadTree(localMachine(), root, { signal })

  assert.equal(tree.read('/var/lib/dpkg/status'), 'Package: a\n')
  assert.equal(tree.read('/var/lib/cloud/instance/x'), 'x')
  assert.equal(tree.read('/etc/fstab'), '# none')
  assert.equal(tree.exists('/var/lib/rpm/Packages'), false)
  assert.equal(tree.exists('/boot/grub'), false)
  assert.equal(
    codeThrown(() => tree.read('/etc/shadow')),
    'guest.not-loaded',
  )
})

test('hostile names, hard links and bytes survive', async t => {
  const name = Buffer.from([0x2d, 0x2d, 0x0a, 0xff, 0x5c, 0x6e, 0x2a])
  const root = guestFolder(t, { 'etc/a': Buffer.from([0xc3, 0x28]).toString('latin1'), 'etc/-rf': 'dash', 'etc/--checkpoint=1': 'option' })
  const raw = Buffer.concat([Buffer.from(`${root}/etc/`), name])
  writeFileSync(raw, 'odd name')
  linkSync(raw, join(root, 'etc/hard'))
  const deep = `etc/${'d/'.repeat(500)}`
  mkdirSync(join(root, deep), { recursive: true })
  writeFileSync(join(root, deep, 'x'), 'deep')

  const tree = await loadTree(localMachine(), root, { signal })

  assert.equal(tree.read(`/etc/${name.toString('latin1')}`), 'odd name')
  assert.equal(tree.read('/etc/hard'), 'odd name')
  assert.equal(tree.read('/etc/-rf'), 'dash')
  assert.equal(tree.read('/etc/--checkpoint=1'), 'option')
  assert.equal(tree.read(`/${deep}x`), 'deep')
  assert.equal(tree.glob('/etc/**/x').length, 1)
})

test('a root that is not there is an error with the words of the minion', async () => {
  await assert.rejects(loadTree(localMachine(), '/nowhere/at/all', { signal }), /ENOENT/)
})

test('a cancelled load ends', async t => {
  const root = guestFolder(t, { 'etc/a': 'a' })

  await assert.rejects(loadTree(localMachine(), root, { signal: AbortSignal.abort(new Error('enough')) }))
})
