import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { exitCodeOf, formatError, reportError } from './index.ts'

function caught(work: () => void): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return assert.fail('it did not fail')
}

test('a place that cannot be used is told with its reason and a hint, not as a defect', () => {
  const error = caught(() => mkdirSync('/dev/null/x', { recursive: true }))

  assert.equal(exitCodeOf(error), 3)
  assert.match(
    formatError(reportError(error)),
    /^error: cannot use \/dev\/null\/x {2}\[host\.no-access\]\nbecause: ENOTDIR: .*\nhint: .*INSTAR_STATE_DIR/,
  )
})

test('a full disk is no defect either; a file that should be there and is not is one', () => {
  assert.equal(reportError(caught(() => writeFileSync('/dev/full', 'x'))).code, 'image.no-space')
  assert.equal(reportError(caught(() => writeFileSync('/nowhere/x', 'x'))).code, 'internal.bug')
})
