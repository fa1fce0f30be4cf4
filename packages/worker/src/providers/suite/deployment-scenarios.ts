import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { PROVIDER_ANSWERS } from '@instar/contract/api'
import { callsOf, twice } from './calls.ts'
import type { ProviderFixture } from './fixture.ts'
import { deleteReplica, replicate } from './replica.ts'

/** Machines made of a replica, without morphing: that is tried where a real guest is. */
export function deploymentScenarios(fixture: ProviderFixture): void {
  const { source, destination } = fixture.provider
  if (!source || !destination || !fixture.source || !fixture.destination) return

  test('makes a machine of clones and leaves the replica as it was', async () => {
    const replica = await replicate(fixture)
    const before = await fixture.listThings()
    const content = await contentsOf(fixture, before)
    const call = callsOf(fixture, randomUUID()).destination()
    const { exportInfo } = replica

    await destination.validateDeployment(call, replica)
    const volumes = await twice(() => destination.createSnapshots(call, replica.volumes))
    const instanceInfo = await twice(() => destination.deployInstance(call, { exportInfo, volumes, cloneDisks: true }))
    const flavor = await destination.findFlavor?.(call, exportInfo)
    const request = { exportInfo, instanceInfo, ...(flavor !== undefined && { flavor }) }
    const machine = await twice(() => destination.finalizeInstance(call, request))
    await twice(() => destination.deleteSnapshots(call, volumes))

    PROVIDER_ANSWERS.instance.parse(machine)
    assert.notDeepEqual(await fixture.listThings(), before)
    await twice(() => destination.cleanUpInstance(call, instanceInfo))
    assert.deepEqual(await fixture.listThings(), before)
    assert.deepEqual(await contentsOf(fixture, before), content)
    await deleteReplica(fixture, replica)
  })

  test('gives the volumes back as they were when a machine of them failed', async () => {
    const replica = await replicate(fixture)
    const before = await fixture.listThings()
    const content = await contentsOf(fixture, before)
    const call = callsOf(fixture, randomUUID()).destination()

    const snapped = await twice(() => destination.createSnapshots(call, replica.volumes))
    const request = { exportInfo: replica.exportInfo, volumes: snapped, cloneDisks: false }
    const instanceInfo = await twice(() => destination.deployInstance(call, request))
    await twice(() => destination.cleanUpInstance(call, instanceInfo))
    const volumes = await twice(() => destination.restoreSnapshots(call, snapped))

    assert.deepEqual(volumes, replica.volumes)
    assert.deepEqual(await fixture.listThings(), before)
    assert.deepEqual(await contentsOf(fixture, before), content)
    await deleteReplica(fixture, replica)
  })

  test('removes a half-made machine of which nothing is known', async () => {
    const replica = await replicate(fixture)
    const before = await fixture.listThings()
    const call = callsOf(fixture, randomUUID()).destination()
    const volumes = await destination.createSnapshots(call, replica.volumes)
    await destination.deployInstance(call, { exportInfo: replica.exportInfo, volumes, cloneDisks: true })

    await twice(() => destination.cleanUpInstance(call, null))
    await twice(() => destination.deleteSnapshots(call, replica.volumes))
    assert.deepEqual(await fixture.listThings(), before)
    await deleteReplica(fixture, replica)
  })

  test('sees that a volume is gone before anything is made', async () => {
    const replica = await replicate(fixture)
    const call = callsOf(fixture, randomUUID()).destination()
    await deleteReplica(fixture, replica)

    await assert.rejects(async () => destination.validateDeployment(call, replica))
  })
}

async function contentsOf(fixture: ProviderFixture, things: readonly string[]): Promise<readonly string[]> {
  return Promise.all(things.map(async thing => fixture.contentOf?.(thing) ?? ''))
}
