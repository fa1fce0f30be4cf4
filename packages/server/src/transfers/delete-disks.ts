import { InstarError } from '@instar/contract'
import { planDisksDelete } from '@instar/engine'
import type { ApiDeps, Trx } from '../api-deps.ts'
import { lockAction, requireIdle } from '../moves/busy.ts'
import { planSide } from '../moves/sides.ts'
import type { Asker } from './create-transfer.ts'
import { loadEnds } from './ends.ts'
import { requireTransfer } from './transfer.ts'

/** Starts an execution that deletes the replicas; answers its id. Throws `api.not-found`, `api.busy`, `api.wrong-state` when there are none. */
export async function deleteDisks(deps: ApiDeps, trx: Trx, of: { id: string; asker: Asker }): Promise<string> {
  const { projectId, userId } = of.asker
  await lockAction(trx, 'transfer', { id: of.id, projectId })
  await requireIdle(trx, of.id)
  const transfer = await requireTransfer(trx, projectId, of.id)
  const known = await deps.engine.info.read(trx, transfer.id)
  const instances = transfer.instances.filter(instance => hasVolumes(known.get(instance)))
  if (instances.length === 0)
    throw new InstarError('api.wrong-state', `transfer ${transfer.id} has no volumes information: there are no disks to delete`)
  const ends = await loadEnds(trx, transfer)
  return deps.engine.start(trx, {
    action: { id: transfer.id, projectId, userId },
    kind: 'transfer_disks_delete',
    steps: planDisksDelete({ instances, source: await planSide(trx, ends.origin), destination: await planSide(trx, ends.destination) }),
    endpoints: { source: ends.origin.id, destination: ends.destination.id },
  })
}

/** Whether an execution has left disks of the machine at the destination. */
export function hasVolumes(info: Readonly<Record<string, unknown>> | undefined): boolean {
  const volumes = info?.['volumes_info']
  return Array.isArray(volumes) && volumes.length > 0
}
