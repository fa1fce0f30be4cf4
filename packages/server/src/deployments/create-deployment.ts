import { isDeepStrictEqual } from 'node:util'
import { InstarError } from '@instar/contract'
import {
  hasScripts,
  keepInstances,
  normaliseUserScripts,
  restoreScriptSecrets,
  type DeploymentCreate,
  type UserScripts,
} from '@instar/contract/api'
import type { ApiDeps, Db, Trx } from '../api-deps.ts'
import { lockAction, requireIdle } from '../moves/busy.ts'
import { insertAction, withoutNulls, type Asker } from '../transfers/create-transfer.ts'
import { requireTransfer, transferSettings } from '../transfers/transfer.ts'
import { copyMove, requireDeployment } from './deployment.ts'
import { startDeployment } from './start-deployment.ts'

/** Makes a deployment and starts it; answers its id. Throws `api.not-found`, `api.busy`, `api.wrong-state`, `morph.scripts-skipped`. */
export async function createDeployment(deps: ApiDeps, trx: Trx, asker: Asker, given: DeploymentCreate): Promise<string> {
  const { projectId } = asker
  await lockAction(trx, 'transfer', { id: given.transfer_id, projectId })
  const transfer = await requireTransfer(trx, projectId, given.transfer_id)
  const inherited = transferSettings(deps.store.vault, transfer)
  const userScripts = readScripts(given, inherited.user_scripts, transfer.instances)
  const skipOsMorphing = given.skip_os_morphing ?? transfer.skip_os_morphing
  // A web console sends the transfer's own scripts with each deployment: they are not asked for here, and told as left out.
  if (skipOsMorphing && !isDeepStrictEqual(userScripts, inherited.user_scripts)) requireNoScripts(userScripts)
  await requireIdle(trx, transfer.id)
  if (given.force !== true) await requireExecuted(trx, transfer.id)
  if (given.resume_from) await requireResumable(trx, { projectId, transferId: transfer.id, id: given.resume_from })
  const id = deps.newId()
  await insertAction(deps, trx, { id, kind: 'deployment', instances: transfer.instances, asker })
  const row = copyMove(deps.store.vault, transfer, {
    id,
    settings: { ...inherited, user_scripts: userScripts },
    osmorphingPools: withoutNulls({ ...transfer.osmorphing_pools, ...given.instance_osmorphing_minion_pool_mappings }),
    cloneDisks: given.clone_disks ?? transfer.clone_disks,
    skipOsMorphing,
  })
  await trx
    .insertInto('deployments')
    .values({ ...row, resume_from: given.resume_from ?? null })
    .execute()
  await startDeployment(deps, trx, await requireDeployment(trx, projectId, id), inherited.user_scripts)
  return id
}

/** Absent and null mean the transfer's; an object means exactly what it says, so two empty maps mean none. */
function readScripts(given: DeploymentCreate, inherited: UserScripts, instances: readonly string[]): UserScripts {
  if (given.user_scripts === undefined || given.user_scripts === null) return inherited
  return keepInstances(restoreScriptSecrets(normaliseUserScripts(given.user_scripts), inherited), instances)
}

/** Scripts that were asked for and would be skipped in silence: without morphing nothing runs, and nothing is installed for the first boot. */
function requireNoScripts(scripts: UserScripts): void {
  if (!hasScripts(scripts)) return
  throw new InstarError('morph.scripts-skipped', 'skip_os_morphing leaves out the user scripts that are given with it', {
    hint: 'Leave skip_os_morphing out, or the scripts.',
  })
}

async function requireExecuted(db: Db, transferId: string): Promise<void> {
  const completed = await db
    .selectFrom('executions')
    .select('id')
    .where('action_id', '=', transferId)
    .where('kind', '=', 'transfer_execution')
    .where('state', '=', 'completed')
    .limit(1)
    .executeTakeFirst()
  if (completed === undefined) {
    throw new InstarError(
      'api.wrong-state',
      `transfer ${transferId} has no successful execution yet; execute it, or use force when its disks are there`,
    )
  }
}

async function requireResumable(db: Db, of: { projectId: string; transferId: string; id: string }): Promise<void> {
  const row = await requireDeployment(db, of.projectId, of.id)
  if (row.transfer_id !== of.transferId) throw new InstarError('api.bad-request', `deployment ${row.id} is of another transfer`)
  if (row.last_execution_state !== 'failed')
    throw new InstarError('api.wrong-state', `deployment ${row.id} did not fail: there is nothing to resume`)
}
