import assert from 'node:assert/strict'
import { test } from 'node:test'
import { phonyGuest } from '../tree/phony-guest.ts'
import { createLabeller, parseFileContexts } from './file-contexts.ts'
import { planLabels } from './labels.ts'

const CONTEXTS = `# comment
/.*	system_u:object_r:default_t:s0
/etc/.*	system_u:object_r:etc_t:s0
/etc/systemd/system(/.*)?	system_u:object_r:systemd_unit_file_t:s0
/etc/shadow	--	system_u:object_r:shadow_t:s0
/etc/sha.*	system_u:object_r:late_t:s0
/var/lib/.*	system_u:object_r:var_lib_t:s0
/var/run/.*	<<none>>
/usr/lib/systemd(/.*)?	-d	system_u:object_r:dir_t:s0
/usr/lib(64)?/x\\.so(\\.[^/]*)*	--	system_u:object_r:lib_t:s0
`
const guest = (files: Record<string, string> = {}, config = 'SELINUX=enforcing\nSELINUXTYPE=targeted\n') =>
  phonyGuest({
    'usr/sbin/load_policy': '',
    'etc/selinux/config': config,
    'etc/selinux/targeted/contexts/files/file_contexts': CONTEXTS,
    'etc/systemd/': '',
    'var/lib/': '',
    ...files,
  })
const labelFor = createLabeller({ specs: parseFileContexts(CONTEXTS), subs: [], distSubs: [] })
const typeOf = (path: string, kind: 'file' | 'dir' | 'link' = 'file') => {
  const answer = labelFor(path, kind)
  return answer.kind === 'label' ? answer.label.split(':')[2] : answer.kind
}

test('the last line that fits wins', () => {
  assert.equal(typeOf('/srv/x'), 'default_t')
  assert.equal(typeOf('/etc/fstab'), 'etc_t')
  assert.equal(typeOf('/etc/systemd/system/a.service'), 'systemd_unit_file_t')
  assert.equal(typeOf('/etc/systemd/system/'), 'systemd_unit_file_t')
  assert.equal(typeOf('/etc/systemd/systemx'), 'etc_t')
})

test('an exact path is stronger than a pattern that comes later', () => {
  assert.equal(typeOf('/etc/shadow'), 'shadow_t')
  assert.equal(typeOf('/etc/shadow-'), 'late_t')
})

test('the kind of a line counts', () => {
  assert.equal(typeOf('/etc/shadow', 'dir'), 'late_t')
  assert.equal(typeOf('/usr/lib/systemd/x', 'file'), 'default_t')
  assert.equal(typeOf('/usr/lib/systemd/x', 'dir'), 'dir_t')
  assert.equal(typeOf('/usr/lib64/x.so.1', 'file'), 'lib_t')
  assert.equal(typeOf('/usr/lib/x.so', 'link'), 'default_t')
})

test('a path that is to have no label gets none', () => {
  assert.equal(typeOf('/var/run/x.pid'), 'none')
})

test('only what was created is labelled', () => {
  const tree = guest({ 'etc/fstab': 'old' })
  tree.write('/etc/fstab', 'new')
  tree.write('/var/lib/instar/runner', '#!/bin/sh\n')
  tree.symlink('/dev/null', '/etc/systemd/system/a.service')

  const plan = planLabels(tree, tree.changes())

  assert.deepEqual(plan, {
    labels: [
      { path: '/etc/systemd/system', label: 'system_u:object_r:systemd_unit_file_t:s0' },
      { path: '/etc/systemd/system/a.service', label: 'system_u:object_r:systemd_unit_file_t:s0' },
      { path: '/var/lib/instar', label: 'system_u:object_r:var_lib_t:s0' },
      { path: '/var/lib/instar/runner', label: 'system_u:object_r:var_lib_t:s0' },
    ],
    mustRelabel: false,
    warnings: [],
  })
})

test('local lines are the strongest patterns, and substitutions are the local ones first', () => {
  const base = 'etc/selinux/targeted/contexts/files/file_contexts'
  const tree = guest({
    [`${base}.local`]: '/etc/own(/.*)?	system_u:object_r:own_t:s0\n',
    [`${base}.homedirs`]: '/home/[^/]+/.*	user_u:object_r:user_home_t:s0\n',
    [`${base}.subs`]: '/opt/site /srv/etc\n',
    [`${base}.subs_dist`]: '# x\n/srv /\n/srv/etc/own /var/lib/y\n',
  })
  for (const path of ['/etc/own/a', '/home/ann/x', '/opt/site/own/b', '/opt/site/hosts']) tree.write(path, '')

  const types = Object.fromEntries(planLabels(tree, tree.changes()).labels.map(({ path, label }) => [path, label.split(':')[2]]))

  assert.equal(types['/etc/own/a'], 'own_t')
  assert.equal(types['/home/ann/x'], 'user_home_t')
  assert.equal(types['/opt/site/own/b'], 'var_lib_t', 'the longest substitution is taken')
  assert.equal(types['/opt/site/hosts'], 'etc_t')
})

for (const [name, tree] of [
  ['disabled', guest({}, 'SELINUX=disabled\nSELINUXTYPE=targeted\n')],
  ['absent', phonyGuest({})],
] as const) {
  test(`a guest where SELinux is ${name} gets no labels and no relabel`, () => {
    tree.write('/etc/new', '')

    assert.deepEqual(planLabels(tree, tree.changes()), { labels: [], mustRelabel: false, warnings: [] })
  })
}

test('a relabel by the guest is the last resort: no contexts, or a pattern that cannot be matched where it matters', () => {
  const without = phonyGuest({ 'usr/sbin/load_policy': '', 'etc/selinux/config': 'SELINUX=permissive\n' })
  const odd = guest({ 'etc/selinux/targeted/contexts/files/file_contexts.local': '/etc/(?=x).*	system_u:object_r:odd_t:s0\n' })
  for (const tree of [without, odd]) tree.write('/etc/new', '')

  assert.equal(planLabels(without, without.changes()).mustRelabel, true)
  assert.match(planLabels(odd, odd.changes()).warnings[0]!.message, /\(\?=x\)/)
  odd.remove('/etc/new')
  odd.write('/var/lib/z', '')
  assert.equal(planLabels(odd, odd.changes()).mustRelabel, false)
})

test('lines of another form are left out', () => {
  assert.deepEqual(parseFileContexts('/a\n/b -x l\n\n  /c   -l   l  \n/d l\n'), [
    { pattern: '/c', kind: 'link', label: 'l' },
    { pattern: '/d', label: 'l' },
  ])
})
