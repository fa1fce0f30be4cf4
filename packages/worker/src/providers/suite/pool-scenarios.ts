import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { PROVIDER_ANSWERS } from '@instar/contract/api'
import { callsOf, twice } from './calls.ts'
import type { Own } from '../provider.ts'
import type { ProviderFixture } from './fixture.ts'
import { deleteReplica, replicate } from './replica.ts'

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
    if (pool.held) assert.ok(pool.held.keys().includes(minion.key))
    await twice(() => pool.powerOff(minion, machine))
    await assert.rejects(async () => pool.checkHealth(minion, machine))
    await twice(() => pool.powerOn(minion, machine))
    await pool.checkHealth(minion, machine)
    await twice(() => pool.deleteMachine(minion, machine))
    await assert.rejects(async () => pool.checkHealth(minion, machine))
    await twice(() => pool.tearDownShared(shared, resources))

    assert.deepEqual(pool.held?.keys() ?? [], [])
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

  if (half !== 'destinationPool' || !fixture.provider.source || !fixture.provider.destination || !fixture.source || !fixture.destination)
    return
  const { destination } = fixture.provider

  test(`${half}: the disks of a new machine come to a minion and go again, and it can be lent again`, async () => {
    const replica = await replicate(fixture)
    const before = await fixture.listThings()
    const call = callsOf(fixture).destination()
    const shared = callFor(randomUUID())
    const minion = callFor(randomUUID())
    const resources = await pool.setUpShared(shared)
    const machine = await pool.createMachine(minion, resources)
    const volumes = await destination.createSnapshots(call, replica.volumes)
    const request = { exportInfo: replica.exportInfo, volumes, cloneDisks: true }
    const instanceInfo = await destination.deployInstance(call, request)

    const transferEnvironment = call.environment as Own
    await pool.checkFits(minion, { machine, exportInfo: replica.exportInfo, transferEnvironment })
    const forCopy = await twice(() => pool.attachVolumes(minion, { machine, volumes: replica.volumes }))
    assert.deepEqual(await twice(() => pool.detachVolumes(minion, { machine, volumes: forCopy })), replica.volumes)
    const attached = await twice(() => pool.attachInstance(minion, { machine, instanceInfo }))
    await destination.morphing?.collectInfo?.(call, attached)
    const detached = await twice(() => pool.detachInstance(minion, { machine, instanceInfo: attached }))
    await pool.checkHealth(minion, machine)

    assert.deepEqual(detached, instanceInfo)
    await pool.deleteMachine(minion, machine)
    await pool.tearDownShared(shared, resources)
    await destination.cleanUpInstance(call, instanceInfo)
    await destination.deleteSnapshots(call, volumes)
    assert.deepEqual(await fixture.listThings(), before)
    await deleteReplica(fixture, replica)
  })

  test(`${half}: a minion that is deleted while it has disks leaves nothing`, async () => {
    const replica = await replicate(fixture)
    const before = await fixture.listThings()
    const call = callsOf(fixture).destination()
    const minion = callFor(randomUUID())
    const machine = await pool.createMachine(minion, {})
    const volumes = await destination.createSnapshots(call, replica.volumes)
    const instanceInfo = await destination.deployInstance(call, { exportInfo: replica.exportInfo, volumes, cloneDisks: true })
    const attached = await pool.attachInstance(minion, { machine, instanceInfo })

    await pool.deleteMachine(minion, machine)
    await pool.detachInstance(minion, { machine, instanceInfo: attached })
    await destination.cleanUpInstance(call, instanceInfo)
    await destination.deleteSnapshots(call, volumes)

    assert.deepEqual(await fixture.listThings(), before)
    await deleteReplica(fixture, replica)
  })
}
