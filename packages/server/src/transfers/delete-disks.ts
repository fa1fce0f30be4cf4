import { InstarError } from '@instar/contract'
import { planDisksDelete, planSourceRelease, type PlannedStep, type PlanSide } from '@instar/engine'
import type { ApiDeps, Trx } from '../api-deps.ts'
import { lockAction, requireIdle } from '../moves/busy.ts'
import { planSide } from '../moves/sides.ts'
import type { Asker } from './create-transfer.ts'
import { loadEnds } from './ends.ts'
import { requireTransfer } from './transfer.ts'

/** Starts an execution that deletes the replicas; answers its id. Throws `api.not-found`, `api.busy`, `api.wrong-state` when there are none. */
export async function deleteDisks(deps: ApiDeps, trx: Trx, of: { id: string; asker: Asker }): Promise<string> {
  await lockAction(trx, 'transfer', { id: of.id, projectId: of.asker.projectId })
  await requireIdle(trx, of.id)
  const id = await startDelete(deps, trx, of, planDisksDelete)
  if (id === undefined)
    throw new InstarError('api.wrong-state', `transfer ${of.id} has no volumes information: there are no disks to delete`)
  return id
}

/** For a transfer that is being deleted, and locked by the caller: starts an execution that leaves nothing of it at the source. */
export async function releaseSource(deps: ApiDeps, trx: Trx, of: { id: string; asker: Asker }): Promise<void> {
  await startDelete(deps, trx, of, planSourceRelease)
}

type MakePlan = (plan: { instances: readonly string[]; source: PlanSide; destination: PlanSide }) => PlannedStep[]

/** `undefined` when no copy of the transfer has left anything. */
async function startDelete(
  deps: ApiDeps,
  trx: Trx,
  { id, asker }: { id: string; asker: Asker },
  makePlan: MakePlan,
): Promise<string | undefined> {
  const { projectId, userId } = asker
  const transfer = await requireTransfer(trx, projectId, id)
  const known = await deps.engine.info.read(trx, transfer.id)
  const instances = transfer.instances.filter(instance => {
    const info = known.get(instance)
    return hasVolumes(info) || isFilled(info?.['released_volumes'])
  })
  if (instances.length === 0) return undefined
  const ends = await loadEnds(trx, transfer)
  return deps.engine.start(trx, {
    action: { id: transfer.id, projectId, userId },
    kind: 'transfer_disks_delete',
    steps: makePlan({ instances, source: await planSide(trx, ends.origin), destination: await planSide(trx, ends.destination) }),
    endpoints: { source: ends.origin.id, destination: ends.destination.id },
  })
}

/** Whether an execution has left disks of the machine at the destination. */
export function hasVolumes(info: Readonly<Record<string, unknown>> | undefined): boolean {
  return isFilled(info?.['volumes_info'])
}

function isFilled(list: unknown): boolean {
  return Array.isArray(list) && list.length > 0
}
