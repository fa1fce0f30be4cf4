import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maskKeys } from './mask-keys.ts'

test('a key given as text is masked, whatever its selector and however it is given', () => {
  assert.deepEqual(
    maskKeys(['morph', 'a.qcow2', '--key', 'all:text:open sesame', '--key=/dev/mapper/my vg-root:text:two\nlines', '--key', 'all:file:/k']),
    ['morph', 'a.qcow2', '--key', 'all:text:***', '--key=/dev/mapper/my vg-root:text:***', '--key', 'all:file:/k'],
  )
})
