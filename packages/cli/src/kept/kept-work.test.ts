import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeptLayer } from '@instar/machine'
import { chooseWork, describeLeftWork, type KeptWork } from './kept-work.ts'

function work(runId: string, paths: readonly string[], stale?: string): KeptWork {
  const layers = paths.map((path, order) => ({ directory: `/l/${runId}-${order}`, record: { image: { path } } }) as KeptLayer)
  return { runId, layers, ...(stale === undefined ? {} : { stale }) }
}

test('work on other images, or on more of them, is left alone', () => {
  assert.equal(chooseWork([work('a', ['/d/other.raw'])], ['/d/this.raw']), undefined)
  assert.equal(chooseWork([work('a', ['/d/this.raw', '/d/second.raw'])], ['/d/this.raw']), undefined)
  assert.equal(chooseWork([work('a', ['/d/2.raw', '/d/1.raw'])], ['/d/1.raw', '/d/2.raw']), undefined)
  assert.equal(chooseWork([], ['/d/this.raw']), undefined)
})

test('of several runs the latest that still fits is gone on with', () => {
  const works = [
    work('new', ['/d/1.raw', '/d/2.raw'], 'it was changed'),
    work('old', ['/d/1.raw', '/d/2.raw']),
    work('older', ['/d/1.raw']),
  ]

  assert.equal(chooseWork(works, ['/d/1.raw', '/d/2.raw'])?.runId, 'old')
})

test('what is left aside is told with the commands for it', () => {
  assert.equal(
    describeLeftWork(work('r', ['/d/1.raw'])),
    'run r kept work too. To go on with it: instar morph --resume r; to remove it: instar run discard r',
  )
  assert.equal(
    describeLeftWork(work('r', ['/d/1.raw'], '/d/1.raw was changed meanwhile')),
    'the work that run r kept in /l/r-0 no longer fits: /d/1.raw was changed meanwhile. To remove it: instar run discard r',
  )
})
