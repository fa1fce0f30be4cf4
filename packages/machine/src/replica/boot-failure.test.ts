import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BootFailureKind } from './boot-failure.ts'
import { findBootFailure, plainText } from './boot-failure.ts'

const CASES: readonly (readonly [BootFailureKind, string])[] = [
  ['kernel-panic', '[    1.234567] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)'],
  ['no-bootable-device', 'Boot failed: not a bootable disk\r\n\r\nNo bootable device.'],
  ['no-bootable-device', 'BdsDxe: No bootable option or device was found.'],
  ['boot-loader-prompt', 'error: no such device: 1234.\r\nEntering rescue mode...\r\ngrub rescue> '],
  ['boot-loader-prompt', '\x1b[2J\x1b[01;01Hgrub> '],
  ['initramfs-shell', 'ALERT!  UUID=abcd does not exist.  Dropping to a shell!'],
  ['initramfs-shell', '\r\n(initramfs) '],
  ['emergency-mode', 'You are in emergency mode. After logging in, type "journalctl -xb"'],
]

for (const [kind, console] of CASES) {
  test(`sees ${kind} in ${JSON.stringify(console.slice(-30))}`, () => {
    assert.equal(findBootFailure(`SeaBIOS\r\nLoading...\r\n${console}`)?.kind, kind)
  })
}

test('a boot that goes well has no sign of failure', () => {
  const console =
    'GNU GRUB  version 2.06\r\n[  OK  ] Reached target emergency.target.\r\nset panic=10; echo "no Kernel panic - not syncing"\r\ndebian login: '

  assert.equal(findBootFailure(console), undefined)
})

test('the line of the failure is plain and short', () => {
  const failure = findBootFailure(`\x1b[31m(initramfs) \x1b[0m${'x'.repeat(1000)}\r\n`)

  assert.equal(failure?.line.length, 300)
  assert.equal(plainText('a\x1b[0;1;31mb\x1b[2J\x1bc\r\n'), 'ab\n')
})
