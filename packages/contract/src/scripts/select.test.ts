import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MachinePhase } from '../phases.ts'
import { compareFolderScripts, readFolderScript } from './folder.ts'
import { fitPayload } from './payload.ts'
import type { ScriptSource, ScriptSpec } from './script-spec.ts'
import { selectScripts } from './select.ts'

const script = (name: string, source: ScriptSource, phase: MachinePhase = 'osmorphing_post_os_mount'): ScriptSpec => ({
  name,
  phase,
  source,
  payload: 'true\n',
  timeoutS: 3600,
  retries: 0,
  onFailure: 'abort',
  env: {},
})
const machine = { instance: 'web', osType: 'linux', merge: false } as const

test('a machine without scripts of its own gets the global ones of its OS type', () => {
  const given = {
    global: [
      { osType: 'windows', script: script('w', 'global') },
      { osType: 'linux', script: script('l', 'global') },
    ],
    instances: [{ instance: 'db', script: script('d', 'instance') }],
    own: [],
  } as const

  const selection = selectScripts(given, machine)

  assert.deepEqual(
    selection.run.map(({ name }) => name),
    ['l'],
  )
  assert.deepEqual(
    selection.notRun.map(({ script, reason }) => [script.name, reason]),
    [
      ['w', 'is for windows; this machine runs linux'],
      ['d', 'is for machine db; this one is web'],
    ],
  )
})

test('own scripts of any phase shadow every global one, and the selection says so', () => {
  const given = {
    global: [{ osType: 'linux', script: script('g', 'global') }],
    instances: [],
    own: [{ script: script('first', 'dir', 'replica_first_boot') }],
  } as const

  const selection = selectScripts(given, machine)

  assert.deepEqual(
    selection.run.map(({ name }) => name),
    ['first'],
  )
  assert.equal(selection.notRun[0]?.isShadowed, true)
})

test('merge runs both, phase by phase, the global ones first and equal names apart', () => {
  const given = {
    global: [
      { osType: 'linux', script: script('a', 'global', 'replica_first_boot') },
      { osType: 'linux', script: script('a', 'global') },
    ],
    instances: [{ instance: 'web', script: script('i', 'instance') }],
    own: [{ script: script('a', 'dir') }],
  } as const

  const selection = selectScripts(given, { ...machine, merge: true })

  assert.deepEqual(
    selection.run.map(({ name, phase, source }) => `${phase}:${name}:${source}`),
    [
      'osmorphing_post_os_mount:a:global',
      'osmorphing_post_os_mount:a-2:dir',
      'osmorphing_post_os_mount:i:instance',
      'replica_first_boot:a:global',
    ],
  )
})

test('a folder is read by number and suffix, and what is left out has a reason', () => {
  assert.deepEqual(readFolderScript('replica-first-boot', '10-net.linux'), {
    kind: 'script',
    phase: 'replica_first_boot',
    number: 10,
    name: '10-net.linux',
    osType: 'linux',
  })
  assert.equal(readFolderScript('replica_first_boot', '10-net.sh~').kind, 'ignored')
  assert.equal(readFolderScript('replica_first_boot', 'README').kind, 'ignored')
  assert.throws(() => readFolderScript('firstboot', '10-x'), /unknown phase "firstboot"/)
  const order = ['9-z', '10-b', '10-a'].map(name => ({ name, number: Number(name.split('-')[0]) })).sort(compareFolderScripts)
  assert.deepEqual(
    order.map(({ name }) => name),
    ['9-z', '10-a', '10-b'],
  )
})

test('line ends fit the OS, and an empty script is refused', () => {
  assert.equal(fitPayload('#!/bin/sh\r\nexit 0\r\n', 'linux', 'x'), '#!/bin/sh\nexit 0\n')
  assert.equal(fitPayload('dir\r\n', 'windows', 'x'), 'dir\r\n')
  assert.throws(() => fitPayload(' \r\n', 'linux', 'x.sh'), /x\.sh is empty/)
})
