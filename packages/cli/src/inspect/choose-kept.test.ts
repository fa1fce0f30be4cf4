import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeptLayer } from '@instar/machine'
import { chooseKept } from './choose-kept.ts'

function kept(runId: string, order: number, path: string, at = '2026-01-01T00:00:00Z'): KeptLayer {
  const image = { path, format: 'raw', virtual_bytes: 1, identity: {}, allow_backing: [] }
  const record = { version: 1, run_id: runId, reason: 'error', kept_at: at, order, image, layer_virtual_bytes: 1 }
  return { directory: `/l/${runId}-${order}`, file: `/l/${runId}-${order}/layer.qcow2`, record: record as unknown as KeptLayer['record'] }
}

const directories = (layers: readonly KeptLayer[] | undefined) => layers?.map(({ directory }) => directory)

test('layers of other images in the same folder are left alone', () => {
  assert.equal(chooseKept([kept('a', 0, '/d/other.raw')], ['/d/this.raw']), undefined)
  assert.equal(chooseKept([kept('a', 0, '/d/this.raw'), kept('a', 1, '/d/second.raw')], ['/d/this.raw']), undefined)
  assert.equal(chooseKept([], ['/d/this.raw']), undefined)
})

test('of two runs on two disks the later one gives both its layers, in the order of the disks', () => {
  const layers = [
    kept('new', 1, '/d/2.raw', '2026-01-02T00:00:00Z'),
    kept('old', 0, '/d/1.raw'),
    kept('new', 0, '/d/1.raw', '2026-01-02T00:00:00Z'),
    kept('old', 1, '/d/2.raw'),
  ]

  assert.deepEqual(directories(chooseKept(layers, ['/d/1.raw', '/d/2.raw'])), ['/l/new-0', '/l/new-1'])
})
