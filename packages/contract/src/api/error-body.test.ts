import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InstarError } from '../errors.ts'
import { errorBody } from './error-body.ts'

test('tells fault, code, message, cause and hint', () => {
  const error = new InstarError('api.not-found', 'no region r', { cause: new Error('deeper') })

  assert.deepEqual(errorBody(error), {
    error: {
      fault: 'itemNotFound',
      code: 404,
      message: 'no region r',
      instar: { code: 'api.not-found', because: ['deeper'], hint: 'Check the id; only objects of your own project are visible.' },
    },
  })
})

test('tells nothing of the inside of a defect', () => {
  const text = JSON.stringify(errorBody(new Error('select password from users')))

  assert.doesNotMatch(text, /password/)
  assert.match(text, /"code":500/)
})
