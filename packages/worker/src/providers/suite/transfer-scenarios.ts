import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { callsOf, twice } from './calls.ts'
import type { ProviderFixture } from './fixture.ts'
import { copyDisks, deleteReplica, replicate } from './replica.ts'

/** A transfer of one machine from the platform to itself. */
export function transferScenarios(fixture: ProviderFixture): void {
  const { source, destination } = fixture.provider
  if (!source || !destination || !fixture.source || !fixture.destination) return

  test('copies all disks, each step repeated, and leaves nothing but them', async () => {
    const before = await fixture.listThings()
    const replica = await replicate(fixture)

    assert.deepEqual(
      replica.volumes.map(({ disk_id }) => disk_id),
      replica.exportInfo.devices.disks.map(({ id }) => id),
    )
    assert.ok(replica.volumes.every(volume => volume.replica_state !== undefined))
    await deleteReplica(fixture, replica)
    assert.deepEqual(await fixture.listThings(), before)
  })

  test('copies again into the same volumes', async () => {
    const first = await replicate(fixture)
    await fixture.source!.change?.()
    const second = await replicate(fixture, first)

    assert.equal(second.volumes.length, first.volumes.length)
    assert.notDeepEqual(
      second.volumes.map(volume => volume.replica_state),
      first.volumes.map(volume => volume.replica_state),
    )
    await deleteReplica(fixture, second)
  })

  test('an execution that is repeated makes one generation', async () => {
    const replica = await replicate(fixture)
    const again = await copyDisks(fixture, replica)

    assert.deepEqual(
      again.map(volume => volume.replica_state),
      replica.volumes.map(volume => volume.replica_state),
    )
    await deleteReplica(fixture, replica)
  })

  test('removes what was made when nobody got to know of it', async () => {
    const before = await fixture.listThings()
    const calls = callsOf(fixture, randomUUID())
    const exportInfo = await source.getInstance(calls.source(), fixture.source!.machine)
    const volumes = await destination.deployDisks(calls.destination(), { exportInfo, volumes: [] })
    await source.deployResources(calls.source(), { exportInfo, volumes })
    await destination.deployResources(calls.destination(), { exportInfo, volumes })

    await twice(() => source.deleteResources(calls.source(), null))
    await twice(() => destination.deleteResources(calls.destination(), { resources: null, volumes }))
    await twice(() => destination.discardDisks(calls.destination(), []))
    assert.deepEqual(await fixture.listThings(), before)
  })

  test('keeps volumes that were known before', async () => {
    const replica = await replicate(fixture)
    const before = await fixture.listThings()
    const calls = callsOf(fixture, replica.key)

    await destination.discardDisks(calls.destination(), replica.volumes)
    assert.deepEqual(await fixture.listThings(), before)
    await deleteReplica(fixture, replica)
  })

  test('does not start what is cancelled already', async () => {
    const before = await fixture.listThings()
    const calls = callsOf(fixture)
    const cancelled = { signal: AbortSignal.abort(new Error('cancelled')) }
    const exportInfo = await source.getInstance(calls.source(), fixture.source!.machine)

    await assert.rejects(async () => destination.deployDisks(calls.destination(cancelled), { exportInfo, volumes: [] }))
    assert.deepEqual(await fixture.listThings(), before)
  })
}
