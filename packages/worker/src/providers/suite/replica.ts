import { randomUUID } from 'node:crypto'
import type { Instance } from '@instar/contract/api'
import type { Volume } from '../disks.ts'
import type { Deployed } from '../source-half.ts'
import { callsOf, twice } from './calls.ts'
import type { ProviderFixture } from './fixture.ts'

/** A machine's disks as one execution left them. */
export interface Replica {
  readonly key: string
  readonly exportInfo: Instance
  readonly volumes: readonly Volume[]
}

/** One whole execution, each step of it done twice. */
export async function replicate(fixture: ProviderFixture, last?: Replica): Promise<Replica> {
  const { source, destination } = partsOf(fixture)
  const key = randomUUID()
  const calls = callsOf(fixture, key)
  await source.validate(calls.source())
  const exportInfo = await source.getInstance(calls.source(), calls.source().instance)
  await destination.validateTransfer(calls.destination(), { exportInfo, volumes: last?.volumes ?? [] })

  let volumes = await twice(() => destination.deployDisks(calls.destination(), { exportInfo, volumes: last?.volumes ?? [] }))
  const atSource = await twice(() => source.deployResources(calls.source(), { exportInfo, volumes }))
  const atTarget = await twice(() => destination.deployResources(calls.destination(), { exportInfo, volumes }))
  volumes = await copyDisks(fixture, { key, exportInfo, volumes: atTarget.volumes }, { atSource, atTarget })
  await twice(() => source.deleteResources(calls.source(), atSource.resources))
  volumes = await twice(() => destination.deleteResources(calls.destination(), { resources: atTarget.resources, volumes }))
  return { key, exportInfo, volumes }
}

/** The copy alone, under the key of the replica. */
export async function copyDisks(
  fixture: ProviderFixture,
  replica: Replica,
  helpers: { atSource: Deployed | null; atTarget: Deployed | null } = { atSource: null, atTarget: null },
): Promise<Volume[]> {
  const { source, destination } = partsOf(fixture)
  const calls = callsOf(fixture, replica.key)
  const { exportInfo } = replica
  const volumes: Volume[] = []
  for (const volume of replica.volumes) {
    const diskId = volume.disk_id
    const sizeBytes = exportInfo.devices.disks.find(({ id }) => id === diskId)!.size_bytes
    await using from = await source.openDisk(calls.source(), {
      exportInfo,
      volumes: replica.volumes,
      diskId,
      helper: helpers.atSource,
    })
    await using to = await destination.openDisk(calls.destination(), { volume, sizeBytes, helper: helpers.atTarget })
    const state = await to.receive(from, {
      signal: calls.source().signal,
      executionId: replica.key,
      verify: true,
      progress: () => {},
    })
    volumes.push({ ...volume, replica_state: state })
  }
  return volumes
}

export async function deleteReplica(fixture: ProviderFixture, { key, exportInfo, volumes }: Replica): Promise<void> {
  const { source, destination } = partsOf(fixture)
  const calls = callsOf(fixture, key)
  await twice(() => source.deleteSnapshots(calls.source(), { exportInfo, volumes }))
  await twice(() => destination.deleteDisks(calls.destination(), volumes))
}

function partsOf(fixture: ProviderFixture) {
  const { source, destination } = fixture.provider
  if (!source || !destination) throw new TypeError(`${fixture.provider.platform} has no two sides`)
  return { source, destination }
}
