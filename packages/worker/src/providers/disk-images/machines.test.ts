import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { listInventory } from './inventory.ts'
import { findMachine, selectMachines } from './machines.ts'

const folder = mkdtempSync(join(tmpdir(), 'instar-machines-'))
after(() => rm(folder, { recursive: true }))
mkdirSync(join(folder, 'broken'))
writeFileSync(join(folder, 'broken', 'machine.yaml'), 'disks: []\ncpus: 2\n')
writeFileSync(join(folder, 'no-yaml.yaml'), 'disks: [\n')
writeFileSync(join(folder, 'good.yaml'), 'disks: [{ file: good.raw }]\n')
writeFileSync(join(folder, 'good.raw'), Buffer.alloc(4096))
writeFileSync(join(folder, 'no-image.yaml'), 'disks: [{ file: gone.raw }]\n')

const listed = async (query: object) => {
  const { instances, warnings = [] } = await selectMachines(folder, { refresh: false, ...query })
  return { names: instances.map(({ name }) => name), warnings }
}

test('a machine that is described wrongly is left out of the list with a warning, once in all pages', async () => {
  const { names, warnings } = await listed({ limit: 1 })

  assert.deepEqual(names, ['good'])
  assert.match(warnings[0] ?? '', /^broken is left out: .*\/broken\/machine\.yaml describes no machine: .*unknown keys: cpus/)
  assert.match(warnings[1] ?? '', /^no-yaml is left out: .*\/no-yaml\.yaml is no YAML: ./)
  assert.deepEqual(await listed({ marker: 'good' }), { names: ['no-image'], warnings: [] })
  assert.deepEqual(await listed({ name: 'goo' }), { names: ['good'], warnings: [] })
})

test('who asks for a machine that is described wrongly is told what is wrong', async () => {
  await assert.rejects(findMachine(folder, 'broken'), { code: 'provider.failed', message: /unknown keys: cpus/ })
  await assert.rejects(findMachine(folder, 'brok'), { code: 'provider.not-found' })
})

test('the inventory has a row for each machine, with the problem of those that cannot be used', async () => {
  const [head = [], ...rows] = await listInventory(folder, new AbortController().signal)
  const at = head.indexOf('problem')

  assert.deepEqual(
    rows.map(row => [row[0], row.length]),
    ['good', 'no-image', 'broken', 'no-yaml'].map(name => [name, head.length]),
  )
  assert.equal(rows[0]?.[at], '')
  for (const [index, problem] of [/gone\.raw/, /unknown keys: cpus/, /is no YAML/].entries())
    assert.match(rows[index + 1]?.[at] ?? '', problem)
})
