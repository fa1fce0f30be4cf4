import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { PROVIDER_ANSWERS } from '@instar/contract/api'
import { callsOf, twice } from './calls.ts'
import type { ProviderFixture } from './fixture.ts'

export function poolScenarios(fixture: ProviderFixture, half: 'sourcePool' | 'destinationPool'): void {
  const pool = fixture.provider[half]
  if (!pool || !fixture.pool) return
  const callFor = (key: string) => callsOf(fixture, key).pool(half)

  test(`${half}: a machine is made, switched off and on, checked and deleted`, async () => {
    const before = await fixture.listThings()
    const shared = callFor(randomUUID())
    const minion = callFor(randomUUID())
    await pool.validate(shared)
    PROVIDER_ANSWERS.options.parse(await pool.listOptions(shared))

    const resources = await twice(() => pool.setUpShared(shared))
    const machine = await twice(() => pool.createMachine(minion, resources))
    await pool.checkHealth(minion, machine)
    await twice(() => pool.powerOff(minion, machine))
    await assert.rejects(async () => pool.checkHealth(minion, machine))
    await twice(() => pool.powerOn(minion, machine))
    await pool.checkHealth(minion, machine)
    await twice(() => pool.deleteMachine(minion, machine))
    await assert.rejects(async () => pool.checkHealth(minion, machine))
    await twice(() => pool.tearDownShared(shared, resources))

    assert.deepEqual(await fixture.listThings(), before)
  })

  test(`${half}: what is half made is removed by its key`, async () => {
    const before = await fixture.listThings()
    const shared = callFor(randomUUID())
    const minion = callFor(randomUUID())
    await pool.createMachine(minion, await pool.setUpShared(shared))

    await twice(() => pool.deleteMachine(minion, null))
    await twice(() => pool.tearDownShared(shared, null))
    assert.deepEqual(await fixture.listThings(), before)
  })
}
