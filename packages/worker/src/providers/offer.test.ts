import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod/mini'
import { offerOf } from './offer.ts'
import type { Provider } from './provider.ts'
import { settings } from './settings.ts'

const Connection = z.strictObject({
  host: z.string().register(settings, { title: 'Host' }),
  port: z._default(z.int(), 443).register(settings, { title: 'Port', description: 'Where the API answers.' }),
})
const Pool = z.strictObject({ flavor: z.optional(z.string()) })
const nothing = () => Promise.reject(new Error('not called here'))

const small: Provider<z.infer<typeof Connection>, unknown, unknown, z.infer<typeof Pool>> = {
  platform: 'small',
  connection: Connection,
  validateConnection: call => (call.connection.port === 443 ? Promise.resolve() : nothing()),
  destinationPool: {
    environment: Pool,
    listOptions: nothing,
    validate: nothing,
    setUpShared: nothing,
    tearDownShared: nothing,
    createMachine: nothing,
    deleteMachine: nothing,
    checkHealth: nothing,
    powerOn: nothing,
    powerOff: nothing,
    checkFits: nothing,
    attachVolumes: nothing,
    detachVolumes: nothing,
    attachInstance: nothing,
    detachInstance: nothing,
  },
}

test('offers what is there, and the schema of each part', () => {
  const offer = offerOf(small)

  assert.deepEqual(offer.types, [16, 1_048_576])
  assert.deepEqual(Object.keys(offer.schemas), ['connection_info_schema', 'destination_minion_pool_environment_schema'])
})

test('a connection schema is one of several, with defaults that need not be given', () => {
  assert.deepEqual(offerOf(small).schemas.connection_info_schema, {
    oneOf: [
      {
        type: 'object',
        properties: {
          host: { type: 'string', title: 'Host' },
          port: {
            type: 'integer',
            default: 443,
            title: 'Port',
            description: 'Where the API answers.',
          },
        },
        required: ['host'],
        additionalProperties: false,
      },
      {
        type: 'object',
        properties: { secret_ref: { type: 'string', title: 'Address of a secret that holds the connection data' } },
        required: ['secret_ref'],
      },
    ],
  })
})
