import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PLATFORMS } from '@instar/contract/platforms'
import { createProviders } from './index.ts'

test('the platforms that a configuration may name are those that there is a provider for', () => {
  const providers = createProviders({ cacheDir: '/cache', runtimeDir: '/run' })

  assert.deepEqual(
    providers.map(({ platform }) => platform),
    PLATFORMS,
  )
})
