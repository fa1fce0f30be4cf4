import { copyMove } from './deployment.ts'
import type { ApiDeps, Trx } from '../api-deps.ts'
import { insertAction, type Asker } from '../transfers/create-transfer.ts'
import { transferSettings, type TransferRow } from '../transfers/transfer.ts'

interface PendingDeployment {
  readonly transfer: TransferRow
  /** The execution that it waits for. */
  readonly executionId: string
  readonly asker: Asker
}

/** A deployment with everything as the transfer has it now, which starts when the execution has completed. */
export async function createPendingDeployment(deps: ApiDeps, trx: Trx, { transfer, executionId, asker }: PendingDeployment): Promise<void> {
  const id = deps.newId()
  await insertAction(deps, trx, { id, kind: 'deployment', instances: transfer.instances, asker })
  const settings = transferSettings(deps.store.vault, transfer)
  const choice = {
    settings,
    osmorphingPools: transfer.osmorphing_pools,
    cloneDisks: transfer.clone_disks,
    skipOsMorphing: transfer.skip_os_morphing,
  }
  await trx
    .insertInto('deployments')
    .values({ ...copyMove(deps.store.vault, transfer, { id, ...choice }), deployer_id: executionId })
    .execute()
}
