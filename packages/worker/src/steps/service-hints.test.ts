import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InstarError } from '@instar/contract'
import type { StepContext } from '@instar/engine'
import { withServiceHints } from './service-hints.ts'

const failing = async (error: Error): Promise<unknown> => {
  const step = withServiceHints({ run: () => Promise.reject(error) })
  return await step.run({} as StepContext).catch((thrown: unknown) => thrown)
}

test('a full destination has a hint for users of the service, and keeps its cause and numbers', async () => {
  const cause = new Error('ENOSPC')
  const full = new InstarError('image.no-space', 'needed 3 MiB, free 1 MiB in /big', { cause, details: { need_bytes: 3 } })

  const told = (await failing(full)) as InstarError

  assert.equal(told.hint, 'Free space there and start it again; what is copied already is not copied twice.')
  assert.deepEqual([told.code, told.message, told.cause, told.details], [full.code, full.message, cause, full.details])
})

test('hints of places that know better, and other errors, stay as they are', async () => {
  for (const error of [
    new InstarError('image.no-space', 'full', { hint: 'use another one' }),
    new InstarError('provider.refused', 'no'),
    new Error('unknown'),
  ])
    assert.equal(await failing(error), error)
})
