import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { InstarError } from '../errors.ts'
import { maskScriptSecrets, restoreScriptSecrets } from './script-secrets.ts'
import { hasScripts, keepInstances, mergeUserScripts, normaliseUserScripts } from './user-scripts.ts'

const script = (payload: string, phase = 'osmorphing_post_os_mount') => ({ phase, payload })

describe('accepted, with what is stored', () => {
  const rows: [string, unknown, unknown][] = [
    ['absent', undefined, {}],
    ['null', null, {}],
    ['an empty object', {}, {}],
    ['two empty maps', { global: {}, instances: {} }, { global: {}, instances: {} }],
    ['a text', { global: { linux: 'echo' } }, { global: { linux: [script('echo')] } }],
    ['null for an OS type', { global: { windows: null } }, { global: { windows: [] } }],
    ['an empty list', { instances: { vm: [] } }, { instances: { vm: [] } }],
    [
      'a list, order and duplicates kept',
      { global: { bsd: [{ payload: 'b' }, { payload: 'a' }, { payload: 'b' }] } },
      { global: { bsd: [script('b'), script('a'), script('b')] } },
    ],
    [
      'every OS type of the API',
      { global: { bsd: 'x', linux: 'x', osx: 'x', solaris: 'x', windows: 'x' } },
      { global: { bsd: [script('x')], linux: [script('x')], osx: [script('x')], solaris: [script('x')], windows: [script('x')] } },
    ],
    ['a phase of null', { global: { linux: [{ payload: 'x', phase: null }] } }, { global: { linux: [script('x')] } }],
    ['an empty phase', { global: { linux: [{ payload: 'x', phase: '' }] } }, { global: { linux: [script('x')] } }],
    [
      'a phase with hyphens',
      { instances: { vm: [{ payload: 'x', phase: 'osmorphing-pre-os-mount' }] } },
      { instances: { vm: [script('x', 'osmorphing_pre_os_mount')] } },
    ],
    [
      'the old name of the first boot',
      { instances: { vm: [{ payload: 'x', phase: 'replica-initial-boot' }] } },
      { instances: { vm: [script('x', 'replica_first_boot')] } },
    ],
    [
      'our own phases',
      {
        global: {
          linux: [
            { payload: 'x', phase: 'osmorphing_on_error' },
            { payload: 'y', phase: 'osmorphing_pre_os_dismount' },
          ],
        },
      },
      { global: { linux: [script('x', 'osmorphing_on_error'), script('y', 'osmorphing_pre_os_dismount')] } },
    ],
    ['Unix line ends for linux', { global: { linux: 'a\r\nb\n\rc' } }, { global: { linux: [script('a\nb\nc')] } }],
    ['line ends of another OS as they are', { global: { windows: 'a\r\nb' } }, { global: { windows: [script('a\r\nb')] } }],
    [
      'line ends of a machine as they are: its OS type is known when it runs',
      { instances: { vm: 'a\r\nb' } },
      { instances: { vm: [script('a\r\nb')] } },
    ],
    ['a payload that is a tab', { global: { linux: '\t' } }, { global: { linux: [script('\t')] } }],
    ['merge', { merge: true }, { merge: true }],
    [
      'our keys',
      {
        instances: {
          vm: [{ payload: 'x', name: 'n', timeout_s: 0, retries: 2, on_failure: 'continue', env: { A: 'b' }, secrets: { k: 'v' } }],
        },
      },
      {
        instances: {
          vm: [{ ...script('x'), name: 'n', timeout_s: 0, retries: 2, on_failure: 'continue', env: { A: 'b' }, secrets: { k: 'v' } }],
        },
      },
    ],
  ]
  for (const [name, given, stored] of rows) test(name, () => assert.deepEqual(normaliseUserScripts(given), stored))
})

describe('refused, with what the message says', () => {
  const rows: [string, unknown, RegExp][] = [
    ['a list in place of the object', [], /user_scripts is no object/],
    ['a text in place of the object', 'x', /user_scripts is no object/],
    ['an unknown key', { globall: {} }, /unknown key "globall"/],
    ['global of null', { global: null }, /user_scripts.global is no object/],
    ['global that is a list', { global: [] }, /user_scripts.global is no object/],
    ['instances of null', { instances: null }, /user_scripts.instances is no object/],
    ['the OS type other', { global: { other: 'x' } }, /unknown OS type "other"; there are bsd, linux, osx, solaris, windows/],
    ['the OS type unknown', { global: { unknown: null } }, /unknown OS type "unknown"/],
    ['a number', { global: { linux: 1 } }, /global.linux is neither/],
    ['a boolean', { instances: { vm: true } }, /instances\["vm"\] is neither/],
    ['an object', { global: { linux: { payload: 'x' } } }, /global.linux is neither/],
    ['an item that is a text', { global: { linux: ['x'] } }, /global.linux\[0\] is no object/],
    ['an item of null', { global: { linux: [null] } }, /global.linux\[0\] is no object/],
    ['an unknown key of an item', { global: { linux: [{ payload: 'x', os: 'y' }] } }, /unknown key "os"; there are payload, phase/],
    ['no payload', { global: { linux: [{ phase: 'replica_first_boot' }] } }, /has no payload/],
    ['a payload of null', { global: { linux: [{ payload: null }] } }, /payload that is no text/],
    ['a payload that is a number', { global: { linux: [{ payload: 7 }] } }, /payload that is no text/],
    [
      'an unknown phase',
      { global: { linux: [{ payload: 'x', phase: 'later' }] } },
      /unknown phase "later"; there are osmorphing_pre_os_mount/,
    ],
    ['a phase that is a number', { global: { linux: [{ payload: 'x', phase: 3 }] } }, /phase that is no text/],
    ['an empty text', { global: { linux: '' } }, /empty payload; send null/],
    ['only spaces and line ends', { instances: { vm: [{ payload: ' \r\n \n' }] } }, /empty payload; send null/],
    ['a time limit below 0', { instances: { vm: [{ payload: 'x', timeout_s: -1 }] } }, /timeout_s is no whole number/],
    ['an unknown on_failure', { instances: { vm: [{ payload: 'x', on_failure: 'retry' }] } }, /on_failure/],
    ['a variable of ours', { instances: { vm: [{ payload: 'x', env: { INSTAR_ROOT: '/' } }] } }, /cannot be used: "INSTAR_ROOT"/],
    ['a secret with a slash in its name', { instances: { vm: [{ payload: 'x', secrets: { '../a': 'v' } }] } }, /cannot be used: "..\/a"/],
    ['a merge that is no boolean', { merge: 'yes' }, /merge is no boolean/],
    ['too many scripts', { global: { linux: Array.from({ length: 201 }, () => ({ payload: 'x' })) } }, /201 scripts/],
  ]
  for (const [name, given, message] of rows) {
    test(name, () =>
      assert.throws(
        () => normaliseUserScripts(given),
        (error: unknown) => error instanceof InstarError && message.test(error.message),
      ),
    )
  }
})

describe('an update of a transfer', () => {
  const old = normaliseUserScripts({ global: { linux: 'l', windows: 'w' }, instances: { a: 'a' } })

  test('replaces what is named and keeps the rest', () => {
    const update = normaliseUserScripts({ global: { linux: 'new' }, instances: { b: 'b' } })
    assert.deepEqual(mergeUserScripts(old, update), {
      global: { linux: [script('new')], windows: [script('w')] },
      instances: { a: [script('a')], b: [script('b')] },
    })
  })

  test('leaves an empty list for null', () => {
    assert.deepEqual(mergeUserScripts(old, normaliseUserScripts({ global: { linux: null } })).global?.linux, [])
  })

  test('changes nothing when it is empty, and always has both maps', () => {
    assert.deepEqual(mergeUserScripts({}, normaliseUserScripts({})), { global: {}, instances: {} })
    assert.deepEqual(mergeUserScripts(old, {}), old)
  })
})

test('a deployment drops the scripts of machines that it does not have', () => {
  const given = normaliseUserScripts({ instances: { a: 'a', b: 'b' } })
  assert.deepEqual(keepInstances(given, ['b']), { instances: { b: [script('b')] } })
})

test('empty lists are no scripts', () => {
  assert.equal(hasScripts(normaliseUserScripts({ global: { linux: null }, instances: { a: [] } })), false)
  assert.equal(hasScripts(normaliseUserScripts({ instances: { a: 'x' } })), true)
})

describe('secrets of scripts', () => {
  const stored = normaliseUserScripts({ instances: { a: [{ payload: 'x', secrets: { key: 'sesame' } }, { payload: 'y' }] } })

  test('are shown as a mask', () => {
    assert.deepEqual(maskScriptSecrets(stored).instances?.['a']?.[0]?.secrets, { key: '***' })
    assert.doesNotMatch(JSON.stringify(maskScriptSecrets(stored)), /sesame/)
  })

  test('come back where a client sends the mask, even when it reordered the list', () => {
    const sent = { instances: { a: [...maskScriptSecrets(stored).instances!['a']!].toReversed() } }
    assert.deepEqual(restoreScriptSecrets(sent, stored).instances?.['a']?.[1]?.secrets, { key: 'sesame' })
  })

  test('are dropped when a mask stands for nothing that is stored', () => {
    const sent = normaliseUserScripts({ instances: { b: [{ payload: 'x', secrets: { key: '***' } }] } })
    assert.deepEqual(restoreScriptSecrets(sent, stored).instances?.['b']?.[0]?.secrets, {})
  })
})
