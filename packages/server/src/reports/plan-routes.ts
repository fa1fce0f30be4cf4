import type { RouteName } from '@instar/contract/api'
import type { ApiDeps } from '../api-deps.ts'
import { deploymentSettings, requireDeployment } from '../deployments/deployment.ts'
import type { Handlers } from '../http/call.ts'
import { osTypesIn } from '../moves/os-types.ts'
import { requireTransfer, transferSettings } from '../transfers/transfer.ts'
import { planScripts } from './script-plan.ts'

/** Plans of scripts, by what executions have told of the machines. */
export function planRoutes({ store: { db, vault }, engine }: ApiDeps) {
  const osTypesOf = async (actionId: string) => osTypesIn(await engine.info.read(db, actionId))
  return {
    'plans.ofTransfer': async ({ params, projectId }) => {
      const row = await requireTransfer(db, projectId, params.transfer_id)
      const { user_scripts } = transferSettings(vault, row)
      const osTypes = await osTypesOf(row.id)
      return { plan: planScripts({ instances: row.instances, scripts: user_scripts, skipOsMorphing: row.skip_os_morphing, osTypes }) }
    },
    'plans.ofDeployment': async ({ params, projectId }) => {
      const row = await requireDeployment(db, projectId, params.deployment_id)
      const { user_scripts } = deploymentSettings(vault, row)
      const osTypes = await osTypesOf(row.last_execution_state === null ? row.transfer_id : row.id)
      return { plan: planScripts({ instances: row.instances, scripts: user_scripts, skipOsMorphing: row.skip_os_morphing, osTypes }) }
    },
  } satisfies Partial<Handlers<RouteName>>
}
