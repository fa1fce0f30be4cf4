import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normaliseUserScripts } from '@instar/contract/api'
import { leftOutScripts } from './left-out-scripts.ts'

const scripts = (...linux: object[]) => normaliseUserScripts({ global: { linux } })
const agent = { name: '20-agent', payload: 'install agent' }
const disks = { name: '10-disks', payload: 'see disks', phase: 'osmorphing_pre_os_mount' }
const machine = { instance: 'web', osType: 'linux', skipOsMorphing: false }
const told = (more: Partial<Parameters<typeof leftOutScripts>[0]>) =>
  leftOutScripts({ ...machine, inherited: scripts(disks, agent), own: {}, ...more }).map(({ level, message }) => `${level} ${message}`)

test('nothing is said of a deployment with the scripts of its transfer', () => {
  assert.deepEqual(told({ own: scripts(disks, agent) }), [])
  assert.deepEqual(told({ own: scripts({ payload: 'more' }, { ...agent, name: 'other name' }, disks) }), [])
})

test('a deployment without scripts leaves out each of them', () => {
  const why = 'will not run: the deployment is to run none (user_scripts: null runs those of the transfer)'
  assert.deepEqual(told({ own: normaliseUserScripts({ global: {}, instances: {} }) }), [
    `WARNING Script 10-disks (osmorphing_pre_os_mount) of the transfer ${why}`,
    `WARNING Script 20-agent (osmorphing_post_os_mount) of the transfer ${why}`,
  ])
})

test('one that is replaced by name is a remark, others are a warning', () => {
  assert.deepEqual(told({ own: scripts({ ...agent, payload: 'repaired' }) }), [
    'WARNING Script 10-disks (osmorphing_pre_os_mount) of the transfer will not run: the deployment has scripts of its own (user_scripts: null runs those of the transfer)',
    'INFO Script 20-agent (osmorphing_post_os_mount) of the transfer will not run: the deployment has another one of this name',
  ])
})

test('scripts without a name are told apart by what they say', () => {
  const unnamed = scripts({ payload: 'a' }, { payload: 'b' })
  assert.deepEqual(told({ inherited: unnamed, own: scripts({ payload: 'b' }) }), [
    'WARNING Script global-1 (osmorphing_post_os_mount) of the transfer will not run: the deployment has scripts of its own (user_scripts: null runs those of the transfer)',
  ])
})

test('each machine hears of what would have run on it alone', () => {
  const inherited = normaliseUserScripts({ global: { linux: [agent], windows: 'w' }, instances: { db: 'own of db' } })
  assert.match(told({ inherited }).join('\n'), /^WARNING Script 20-agent [^\n]*$/)
  assert.match(told({ inherited, instance: 'db' }).join('\n'), /^WARNING Script instance-1 [^\n]*$/)
  assert.match(told({ inherited, osType: 'windows' }).join('\n'), /^WARNING Script global-1 [^\n]*$/)
})

test('without OS morphing none runs', () => {
  const all = scripts(disks, agent)
  assert.deepEqual(
    told({ own: all, skipOsMorphing: true }).map(line => line.replace(/.*: /, '')),
    Array(2).fill('the deployment leaves out OS morphing (skip_os_morphing)'),
  )
})
