import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
} from 'node:fs'
import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { InstarError } from '@instar/contract'
import { requires } from '@instar/fixtures'
import { applyChanges } from './apply.ts'
import { loadTree } from './load.ts'
import { localMachine } from './local-machine.ts'

const signal = AbortSignal.timeout(60_000)
const machine = localMachine()
/** What is written belongs to root. */
const skip = requires(['root'], process.env)

function folder(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'instar-apply-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  mkdirSync(join(root, 'etc'))
  return root
}

test('writes exactly the changes, keeps mode, owner and attributes, and leaves nothing beside them', { skip }, async t => {
  const root = folder(t)
  for (const name of ['kept', 'changed', 'gone', 'linked']) writeFileSync(join(root, 'etc', name), name)
  writeFileSync(join(root, 'etc/un\nusual -name'), 'x')
  chownSync(join(root, 'etc/changed'), 12, 34)
  chmodSync(join(root, 'etc/changed'), 0o4640)
  label(join(root, 'etc'), 'changed')
  const before = lstatSync(join(root, 'etc/kept')).ino
  const tree = await loadTree(machine, root, { signal })

  tree.write('/etc/changed', 'neu ü'.normalize())
  tree.write('/etc/un\nusual -name', 'y')
  tree.write('/etc/new/deep/file', Buffer.from([0, 255, 10]), { mode: 0o600 })
  tree.symlink('/dev/null', '/etc/linked')
  tree.remove('/etc/gone')
  const applied = await applyChanges(machine, root, tree.changes(), { signal })

  const stat = lstatSync(join(root, 'etc/changed'))
  assert.deepEqual([stat.mode & 0o7777, stat.uid, stat.gid], [0o4640, 12, 34])
  assert.equal(isLabelled(join(root, 'etc'), 'changed'), true)
  assert.equal(isLabelled(join(root, 'etc'), 'kept'), false)
  assert.deepEqual(readFileSync(join(root, 'etc/new/deep/file')), Buffer.from([0, 255, 10]))
  assert.equal(lstatSync(join(root, 'etc/new/deep/file')).mode & 0o777, 0o600)
  assert.equal(lstatSync(join(root, 'etc/new')).mode & 0o777, 0o755)
  assert.equal(readlinkSync(join(root, 'etc/linked')), '/dev/null')
  assert.equal(lstatSync(join(root, 'etc/kept')).ino, before)
  assert.deepEqual(readdirSync(join(root, 'etc')).sort(), ['changed', 'kept', 'linked', 'new', 'un\nusual -name'])
  assert.deepEqual(
    applied.map(each => [each.path, each.change, each.sha256Before === undefined, each.sha256After === undefined]),
    [
      ['/etc/gone', 'removed', false, true],
      ['/etc/changed', 'modified', false, false],
      ['/etc/linked', 'modified', false, true],
      ['/etc/new', 'created', true, true],
      ['/etc/new/deep', 'created', true, true],
      ['/etc/new/deep/file', 'created', true, false],
      ['/etc/un\nusual -name', 'modified', false, false],
    ],
  )
})

test('applying twice gives the same as once', { skip }, async t => {
  const root = folder(t)
  mkdirSync(join(root, 'etc/dir/below'), { recursive: true })
  writeFileSync(join(root, 'etc/dir/below/x'), 'x')
  writeFileSync(join(root, 'etc/a'), 'a')
  const tree = await loadTree(machine, root, { signal })
  tree.remove('/etc/dir')
  tree.symlink('a', '/etc/dir')
  tree.write('/etc/a', 'b')

  const first = await applyChanges(machine, root, tree.changes(), { signal })
  const second = await applyChanges(machine, root, tree.changes(), { signal })

  assert.equal(readlinkSync(join(root, 'etc/dir')), 'a')
  assert.equal(readFileSync(join(root, 'etc/a'), 'utf8'), 'b')
  const after = (changes: typeof first) => changes.map(each => [each.path, each.sha256After])
  assert.deepEqual(after(second), after(first))
  assert.deepEqual((await loadTree(machine, root, { signal })).list('/etc'), ['a', 'dir'])
})

test('a file with two names keeps both, and an immutable one is written and protected again', { skip }, async t => {
  const root = folder(t)
  writeFileSync(join(root, 'etc/one'), 'old')
  linkSync(join(root, 'etc/one'), join(root, 'etc/two'))
  writeFileSync(join(root, 'etc/resolv.conf'), 'old')
  execFileSync('chattr', ['+i', join(root, 'etc/resolv.conf')])
  const tree = await loadTree(machine, root, { signal })
  tree.write('/etc/one', 'new')
  tree.write('/etc/resolv.conf', 'new')

  await applyChanges(machine, root, tree.changes(), { signal })

  assert.equal(readFileSync(join(root, 'etc/two'), 'utf8'), 'new')
  assert.equal(readFileSync(join(root, 'etc/resolv.conf'), 'utf8'), 'new')
  const flags = execFileSync('lsattr', ['-d', join(root, 'etc/resolv.conf')], { encoding: 'utf8' })
  execFileSync('chattr', ['-i', join(root, 'etc/resolv.conf')])
  assert.match(flags, /^\S*i/)
})

test('a folder that became a link after loading is not written through', { skip }, async t => {
  const root = folder(t)
  const outside = folder(t)
  mkdirSync(join(root, 'etc/netplan'))
  const tree = await loadTree(machine, root, { signal })
  tree.write('/etc/netplan/x.yaml', 'x')
  rmSync(join(root, 'etc/netplan'), { recursive: true })
  symlinkSync(join(outside, 'etc'), join(root, 'etc/netplan'))

  await assert.rejects(
    applyChanges(machine, root, tree.changes(), { signal }),
    (error: unknown) =>
      error instanceof InstarError && error.code === 'guest.write-failed' && /etc\/netplan\/x.yaml.*is a link/.test(error.message),
  )
  assert.deepEqual(readdirSync(join(outside, 'etc')), [])
})

test('where something is by now in the place of a new file, it is replaced and told of', { skip }, async t => {
  const root = folder(t)
  const tree = await loadTree(machine, root, { signal })
  tree.write('/etc/new/a', 'ours')
  tree.write('/etc/new/b', 'ours', { mode: 0o600 })
  mkdirSync(join(root, 'etc/new'))
  writeFileSync(join(root, 'etc/new/b'), 'theirs', { mode: 0o644 })

  const applied = await applyChanges(machine, root, tree.changes(), { signal })

  for (const name of ['a', 'b']) assert.equal(readFileSync(join(root, 'etc/new', name), 'utf8'), 'ours')
  assert.equal(lstatSync(join(root, 'etc/new/b')).mode & 0o777, 0o600)
  assert.deepEqual(
    applied.map(({ path, sha256Before }) => [path, sha256Before !== undefined]),
    [
      ['/etc/new', false],
      ['/etc/new/a', false],
      ['/etc/new/b', true],
    ],
  )
})

test('many changes go in several calls of one command', { skip }, async t => {
  const root = folder(t)
  const tree = await loadTree(machine, root, { signal })
  for (let at = 0; at < 205; at++) tree.write(`/etc/f${at}`, String(at))

  const applied = await applyChanges(machine, root, tree.changes(), { signal })

  assert.equal(applied.length, 205)
  assert.equal(readFileSync(join(root, 'etc/f204'), 'utf8'), '204')
})

test('nothing to change runs nothing', async () => {
  assert.deepEqual(await applyChanges(machine, '/nowhere', [], { signal }), [])
  assert.equal(existsSync('/nowhere'), false)
})

const LABEL = 'system_u:object_r:etc_t:s0'

/** GNU tar sets and shows attributes everywhere; programs made for it are on few machines. */
function label(folder: string, name: string): void {
  const archive = execFileSync('tar', ['-c', '--format=pax', `--pax-option=SCHILY.xattr.security.selinux:=${LABEL}`, '-C', folder, name])
  execFileSync('tar', ['-x', '--xattrs', '--xattrs-include=*', '-C', folder], { input: archive })
}

function isLabelled(folder: string, name: string): boolean {
  const archive = execFileSync('tar', ['-c', '--format=pax', '--xattrs', '--xattrs-include=*', '-C', folder, name])
  return archive.includes(`SCHILY.xattr.security.selinux=${LABEL}`)
}
