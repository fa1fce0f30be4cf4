import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Log } from '@instar/contract'
import { PROVIDER_ANSWERS, type InstanceList, type ProviderQuestion, type ProviderQuestionKind } from '@instar/contract/api'
import { simulator } from '../providers/simulator/simulator.ts'
import { createQuestions } from './answer.ts'

const folder = mkdtempSync(join(tmpdir(), 'instar-questions-'))
after(() => rm(folder, { recursive: true }))

const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const handlers = createQuestions(new Map([['simulator', simulator]]))

async function ask<K extends ProviderQuestionKind>(kind: K, question: ProviderQuestion<K>): Promise<unknown> {
  const answer: unknown = await handlers[kind](question, { projectId: 'p', signal: new AbortController().signal, log })
  return PROVIDER_ANSWERS[kind].parse(JSON.parse(JSON.stringify(answer)))
}

const platform = 'simulator'
const connected = { platform, connection_info: { folder, machines: 3 } }
const given = { ...connected, environment: {} }

test('a connection is valid, or it is told what is wrong with it', async () => {
  assert.deepEqual(await ask('validate_connection', connected), { valid: true, message: null })
  assert.deepEqual(await ask('validate_connection', { platform, connection_info: { folder, password: 'wrong' } }), {
    valid: false,
    message: 'the simulator does not take this password. Change the setting that the message names.',
  })
  const { message } = (await ask('validate_connection', { platform, connection_info: { machines: -1 } })) as { message: string }
  assert.match(message, /connection data of simulator does not fit: .*"folder" .*"machines" /)
})

test('machines are listed, found and described', async () => {
  const page = (await ask('instances', { ...given, marker: 'vm-00001', limit: 1, refresh: false })) as InstanceList

  assert.deepEqual(
    page.instances.map(({ id }) => id),
    ['vm-00002'],
  )
  assert.equal(((await ask('instance', { ...given, name: 'vm-00003' })) as { id: string }).id, 'vm-00003')
  await assert.rejects(ask('instance', { ...given, name: 'vm-00004' }), { code: 'provider.not-found' })
})

test('networks, storage and options have the form of the API', async () => {
  assert.equal(((await ask('networks', { ...given, environment: { network_map: {} } })) as unknown[]).length, 3)
  assert.deepEqual(await ask('options', { ...given, side: 'destination', names: ['flavor'] }), [
    { name: 'flavor', values: ['small', 'medium', 'large'], config_default: 'small' },
  ])
  assert.deepEqual(await ask('options', { ...given, side: 'source_pool', names: ['no such'] }), [])
  assert.equal(((await ask('storage', given)) as { config_default: string }).config_default, 'fast')
})

test('the inventory is CSV with a head line', async () => {
  const lines = String(await ask('inventory', given)).split('\r\n')

  assert.equal(lines.length, 5)
  assert.equal(lines[0], 'id,name,os_type,num_cpu,memory_mb,disks,disk_bytes')
})

test('an environment is checked without a connection, and its values are not repeated', async () => {
  const question = { platform, side: 'destination', environment: { copy_mib_per_s: 'secret' } } as const
  const { valid, message } = (await ask('validate_environment', question)) as { valid: boolean; message: string }

  assert.equal(valid, false)
  assert.match(message, /copy_mib_per_s/)
  assert.doesNotMatch(message, /secret/)
})

test('an unknown platform is refused by its name', async () => {
  await assert.rejects(async () => ask('networks', { ...given, platform: 'nowhere' }), {
    code: 'provider.unsupported',
    message: 'this worker has no provider for nowhere',
  })
})
