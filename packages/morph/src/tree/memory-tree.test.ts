import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InstarError } from '@instar/contract'
import { createMemoryTree } from './memory-tree.ts'
import type { DirNode } from './nodes.ts'
import { newDir } from './nodes.ts'
import { dir, phonyGuest } from './phony-guest.ts'
import { bytesOf, shownText, textOf } from './text.ts'

const codeOf = (body: () => unknown): string => {
  try {
    body()
  } catch (error) {
    return error instanceof InstarError ? error.code : String(error)
  }
  return 'no error'
}

test('links are followed inside the guest, absolute ones from its root', () => {
  const tree = phonyGuest({
    'etc/os-release': { link: '../usr/lib/os-release' },
    'usr/lib/os-release': 'ID=debian\n',
    lib: { link: 'usr/lib' },
    'etc/outside': { link: '../../../../usr/lib/os-release' },
    'etc/absolute': { link: '/lib/os-release' },
  })

  assert.equal(tree.read('/etc/os-release'), 'ID=debian\n')
  assert.equal(tree.read('etc/outside'), 'ID=debian\n')
  assert.equal(tree.realpath('/etc/absolute'), '/usr/lib/os-release')
  assert.equal(tree.realpath('/lib/../lib'), '/usr/lib')
  assert.equal(tree.lstat('/etc/absolute')?.target, '/lib/os-release')
  assert.equal(tree.stat('/etc/absolute')?.kind, 'file')
})

test('a dangling link and a loop of links are nothing', () => {
  const tree = phonyGuest({ a: { link: 'b' }, b: { link: 'a' }, c: { link: 'nowhere' }, d: 'file' })

  for (const path of ['/a', '/c', '/d/below', '/nowhere/../d']) assert.equal(tree.stat(path), undefined, path)
  assert.equal(tree.exists('/c'), false)
  assert.deepEqual(tree.list('/a'), [])
})

test('forty links are followed, forty-one are a loop', () => {
  const chain = (length: number) =>
    phonyGuest({
      end: 'x',
      ...Object.fromEntries(Array.from({ length }, (_, at) => [`l${at}`, { link: at === 0 ? 'end' : `l${at - 1}` }])),
    })

  assert.equal(chain(40).read('/l39'), 'x')
  assert.equal(chain(41).read('/l40'), undefined)
})

test('a write keeps mode and owner, goes through links, makes folders, and equal content is no change', () => {
  const tree = phonyGuest({
    'etc/key': { content: 'a', mode: 0o600, uid: 5, gid: 6 },
    'etc/link': { link: 'key' },
    'etc/dangling': { link: '/srv/new' },
    'etc/same': 'same',
  })

  tree.write('/etc/link', 'b')
  tree.write('/etc/dangling', 'c')
  tree.write('/etc/same', 'same')
  tree.write('/x/y/z', 'd', { mode: 0o600 })

  assert.deepEqual(
    tree.changes().map(({ path, change, entry, content }) => [path, change, entry?.mode, entry?.uid, content?.toString()]),
    [
      ['/etc/key', 'modified', 0o600, 5, 'b'],
      ['/srv', 'created', 0o755, 0, undefined],
      ['/srv/new', 'created', 0o644, 0, 'c'],
      ['/x', 'created', 0o755, 0, undefined],
      ['/x/y', 'created', 0o755, 0, undefined],
      ['/x/y/z', 'created', 0o600, 0, 'd'],
    ],
  )
})

test('what is changed and changed back is no change', () => {
  const tree = phonyGuest({ 'etc/a': 'a', 'etc/b/': dir })

  tree.write('/etc/a', 'b')
  tree.remove('/etc/b')
  tree.write('/etc/new', 'x')
  tree.write('/etc/a', 'a')
  tree.mkdir('/etc/b')
  tree.remove('/etc/new')

  assert.deepEqual(tree.changes(), [])
})

test('removing takes the link and not its target, and names all that a folder held', () => {
  const tree = phonyGuest({ 'etc/link': { link: 'file' }, 'etc/file': 'x', 'opt/a/b': 'y' })

  tree.remove('/etc/link')
  tree.remove('/opt')
  tree.remove('/not/there')

  assert.equal(tree.read('/etc/file'), 'x')
  assert.deepEqual(
    tree.changes().map(({ path, change }) => `${change} ${path}`),
    ['removed /etc/link', 'removed /opt', 'removed /opt/a', 'removed /opt/a/b'],
  )
})

test('writing where a folder, a file in between or a loop stands is refused', () => {
  const tree = phonyGuest({ 'etc/': dir, file: 'x', loop: { link: 'loop' } })

  for (const path of ['/etc', '/file/below', '/loop', '/a\0b'])
    assert.equal(
      codeOf(() => tree.write(path, '')),
      'guest.bad-path',
      path,
    )
  assert.equal(
    codeOf(() => tree.symlink('x', '/etc')),
    'guest.bad-path',
  )
  assert.equal(
    codeOf(() => tree.mkdir('/file')),
    'guest.bad-path',
  )
  assert.deepEqual(tree.changes(), [])
})

test('reading what was not loaded is an error and never "not there"', () => {
  const owned = { mode: 0o644, uid: 0, gid: 0 }
  const etc: DirNode = {
    ...newDir(),
    children: new Map([
      ['big', { kind: 'file', ...owned, sizeBytes: 9e9, content: 'too-large' }],
      ['unread', { kind: 'file', ...owned, sizeBytes: 3, content: 'unasked' }],
      ['away', { kind: 'link', ...owned, target: '/srv/x' }],
    ]),
  }
  const srv: DirNode = { ...newDir(), isListed: false, children: new Map([['absent', undefined]]) }
  const tree = createMemoryTree({
    ...newDir(),
    children: new Map<string, DirNode>([
      ['etc', etc],
      ['srv', srv],
    ]),
  })

  assert.equal(
    codeOf(() => tree.read('/etc/big')),
    'guest.too-large',
  )
  assert.equal(
    codeOf(() => tree.read('/etc/unread')),
    'guest.not-loaded',
  )
  assert.equal(
    codeOf(() => tree.list('/srv')),
    'guest.not-loaded',
  )
  assert.equal(
    codeOf(() => tree.exists('/srv/x')),
    'guest.not-loaded',
  )
  assert.equal(tree.exists('/srv/absent'), false)
  assert.equal(tree.stat('/etc/big')?.sizeBytes, 9e9)
  assert.deepEqual(tree.glob('/etc/*'), ['/etc/away', '/etc/big', '/etc/unread'])
})

test('globs match as a shell does', () => {
  const tree = phonyGuest({
    lib: { link: 'usr/lib' },
    'usr/lib/modules/6.1/modules.dep': '',
    'usr/lib/modules/6.1/kernel/a/b.ko': '',
    'usr/lib/modules/link': { link: '6.1' },
    'etc/a.conf': '',
    'etc/.hidden.conf': '',
    'etc/b.conf': { link: 'a.conf' },
    'etc/c.conf/': dir,
  })

  assert.deepEqual(tree.glob('/lib/modules/*/modules.dep'), ['/lib/modules/6.1/modules.dep'])
  assert.deepEqual(tree.glob('/etc/*.conf'), ['/etc/a.conf', '/etc/b.conf'])
  assert.deepEqual(tree.glob('/etc/[!a].conf'), ['/etc/b.conf'])
  assert.deepEqual(tree.glob('/usr/**/*.ko'), ['/usr/lib/modules/6.1/kernel/a/b.ko'])
  assert.deepEqual(tree.glob('/etc/a.conf'), ['/etc/a.conf'])
  assert.deepEqual(tree.glob('/nowhere/*'), [])
})

test('a hostile pattern takes no time', () => {
  const tree = phonyGuest(Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`etc/${'a'.repeat(200)}${at}/x/y/z`, ''])))
  const started = process.threadCpuUsage()

  tree.glob(`/${'**/'.repeat(200)}b`)
  tree.glob(`/etc/${'*a'.repeat(100)}b/x/y/z`)
  phonyGuest({ 'etc/a': '' }).glob(`/etc/${'['.repeat(20_000)}`)

  const { user } = process.threadCpuUsage(started)
  assert.ok(user < 2_000_000, `${user} µs of CPU time`)
})

test('bytes that are not UTF-8 survive a round trip, and our own text becomes UTF-8', () => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, at) => at))

  assert.deepEqual(bytesOf(textOf(all)), all)
  assert.equal(bytesOf('a – b').toString('utf8'), 'a – b')
  assert.equal(shownText(textOf(Buffer.from('Grüße'))), 'Grüße')
})
