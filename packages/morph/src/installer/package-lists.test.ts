import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apk } from './apk.ts'
import { apt } from './apt.ts'
import { describeDifference } from './package-difference.ts'
import { pacman } from './pacman.ts'
import { rpm } from './rpm.ts'

test('the lists of all managers are read', () => {
  assert.deepEqual(apt.parseList('installed\tbash\t5.2-15\nconfig-files\told\t1\ninstalled\tlibc6\t2.36\n'), [
    { name: 'bash', version: '5.2-15' },
    { name: 'libc6', version: '2.36' },
  ])
  assert.deepEqual(rpm.parseList('bash\t5.1-6.x86_64\ngpg-pubkey\t1-2.(none)\n'), [{ name: 'bash', version: '5.1-6.x86_64' }])
  assert.deepEqual(apk.parseList('WARNING: opening from cache\nalpine-base-3.19.1-r0\nlibc-utils-0.7.2-r5\n'), [
    { name: 'alpine-base', version: '3.19.1-r0' },
    { name: 'libc-utils', version: '0.7.2-r5' },
  ])
  assert.deepEqual(pacman.parseList('bash 5.2.026-2\nlinux 6.8-1\n'), [
    { name: 'bash', version: '5.2.026-2' },
    { name: 'linux', version: '6.8-1' },
  ])
})

test('nonsense is no package', () => {
  for (const manager of [apt, rpm, apk, pacman]) assert.deepEqual(manager.parseList('\n\n???\n'), [])
})

test('what came, went and changed is told, kernels of several versions one by one', () => {
  const before = [
    { name: 'a', version: '1' },
    { name: 'b', version: '1' },
    { name: 'kernel', version: '5.1' },
    { name: 'kernel', version: '5.2' },
  ]
  const after = [
    { name: 'b', version: '2' },
    { name: 'c', version: '1' },
    { name: 'kernel', version: '5.2' },
    { name: 'kernel', version: '5.3' },
    { name: 'kernel', version: '5.1' },
  ]

  assert.deepEqual(describeDifference(before, after), ['a 1 removed', 'b changed from 1 to 2', 'c 1 installed', 'kernel 5.3 installed'])
  assert.deepEqual(describeDifference(before, before), [])
})
