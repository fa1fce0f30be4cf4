import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGlobalFlag, parseInstanceFlag, parseScriptFlag, parseSecretFlag } from './flags.ts'

const create = { mayUnregister: false }
const update = { mayUnregister: true }

test('a global script without a phase runs after the mount', () => {
  assert.deepEqual(parseGlobalFlag('linux=/s.sh', create), {
    kind: 'register',
    key: 'linux',
    path: '/s.sh',
    phase: 'osmorphing_post_os_mount',
  })
})

test('keys may come in any order, and hyphens, underscores and the old alias name the same phase', () => {
  for (const argument of [
    'linux=/p,phase=replica_first_boot',
    'phase=replica-first-boot,linux=/p',
    'linux=/p,phase=replica-initial-boot',
  ]) {
    assert.deepEqual(parseGlobalFlag(argument, create), { kind: 'register', key: 'linux', path: '/p', phase: 'replica_first_boot' })
  }
})

test('an empty path unregisters where something is stored, and is refused with a hint elsewhere', () => {
  assert.deepEqual(parseGlobalFlag('linux=', update), { kind: 'unregister', key: 'linux' })
  assert.throws(() => parseGlobalFlag('linux=', create), /removes stored scripts/)
  assert.throws(() => parseGlobalFlag('linux=,phase=replica_first_boot', update), /cannot be unregistered alone/)
})

test('what upstream takes silently is refused: two keys, one key twice, a phase twice', () => {
  assert.throws(() => parseGlobalFlag('linux=/a,windows=/b', create), /too many keys \(linux, windows\)/)
  assert.throws(() => parseGlobalFlag('linux=/a,linux=/b', create), /"linux" is given twice/)
  assert.throws(() => parseGlobalFlag('linux=/a,phase=replica_first_boot,phase=replica_first_boot', create), /"phase" is given twice/)
  assert.throws(() => parseGlobalFlag('phase=replica_first_boot', create), /names no script/)
  assert.throws(() => parseGlobalFlag('linux', create), /has no "="/)
  assert.throws(() => parseGlobalFlag('linux=/a=b', create), /more than one "="/)
})

test('an unknown OS type or phase is refused with the list of those that exist', () => {
  assert.throws(() => parseGlobalFlag('beos=/s', create), /bsd, linux, osx, solaris, windows/)
  assert.throws(() => parseGlobalFlag('linux=/s,phase=later', create), /osmorphing_pre_os_mount, osmorphing_post_os_mount/)
})

test('backslashes escape commas and equal signs in names and paths, and known machines need none', () => {
  assert.deepEqual(parseInstanceFlag(String.raw`a\,b\=c=/x\\y\,z`, create), {
    kind: 'register',
    key: 'a,b=c',
    path: String.raw`/x\y,z`,
    phase: 'osmorphing_post_os_mount',
  })
  const known = { mayUnregister: false, knownInstances: ['web', 'web=1,a'] }
  assert.equal(parseInstanceFlag('web=1,a=/s.sh', known).key, 'web=1,a')
  assert.equal(parseInstanceFlag('web=/s.sh', known).key, 'web')
})

test('a script of this machine takes name, limits, rule and environment', () => {
  assert.deepEqual(
    parseScriptFlag('/s.sh,phase=osmorphing-pre-os-mount,name=unlock,timeout=30,retries=2,on-failure=continue,env.MODE=a b'),
    {
      path: '/s.sh',
      phase: 'osmorphing_pre_os_mount',
      name: 'unlock',
      timeoutS: 30,
      retries: 2,
      onFailure: 'continue',
      env: { MODE: 'a b' },
    },
  )
})

test('a script flag refuses unknown keys and values outside their limits', () => {
  assert.throws(() => parseScriptFlag('/s.sh,tiemout=3'), /unknown key "tiemout"/)
  assert.throws(() => parseScriptFlag('/s.sh,timeout=-1'), /timeout is a whole number/)
  assert.throws(() => parseScriptFlag('/s.sh,retries=1.5'), /retries is a whole number/)
  assert.throws(() => parseScriptFlag('/s.sh,on-failure=panic'), /"abort" or "continue"/)
  assert.throws(() => parseScriptFlag('/s.sh,env.INSTAR_ROOT=/'), /INSTAR_ are ours/)
  assert.throws(() => parseScriptFlag(',phase=replica_first_boot'), /names no file/)
})

test('a secret comes from a file, and an error never shows what stood behind the equal sign', () => {
  assert.deepEqual(parseSecretFlag('luks.key=@/root/k'), { name: 'luks.key', path: '/root/k' })
  assert.throws(
    () => parseSecretFlag('password=hunter2'),
    (error: Error) => !error.message.includes('hunter2') && /NAME=@FILE/.test(error.message),
  )
})
