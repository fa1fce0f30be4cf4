import type { Selectable } from 'kysely'
import type { Deployment, ExecutionStatus, Task } from '@instar/contract/api'
import { executionStatus, openSettings, sealSettings, type MoveSettings } from '@instar/engine'
import type { Database, Vault } from '@instar/store'
import type { Db } from '../api-deps.ts'
import { notFound, rowId } from '../lists/row.ts'
import { MOVE_COLUMNS, moveFields, type MoveRow } from '../moves/move-object.ts'
import type { TransferRow } from '../transfers/transfer.ts'

export type DeploymentRow = MoveRow & Omit<Selectable<Database['deployments']>, 'id' | 'project_id'>

/** Deployments joined with their actions. */
export function selectDeployments(db: Db) {
  return db
    .selectFrom('deployments')
    .innerJoin('actions', 'actions.id', 'deployments.id')
    .selectAll('actions')
    .select([...MOVE_COLUMNS, 'transfer_id', 'deployer_id', 'failure', 'transfer_result', 'resume_from'])
}

/** Throws `api.not-found`; also for one that was deleted. */
export async function requireDeployment(db: Db, projectId: string, id: string): Promise<DeploymentRow> {
  const row = await selectDeployments(db)
    .where('actions.id', '=', rowId(id))
    .where('actions.project_id', '=', projectId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (row === undefined) throw notFound('deployment', id)
  return row
}

export function deploymentSettings(vault: Vault, row: DeploymentRow): MoveSettings {
  return openSettings(vault, { table: 'deployments', id: row.id }, row.settings)
}

/** An automatic one waits for its execution. One that could not start has the state `failed`, or `cancelled`, without an execution. */
export function deploymentStatus(row: Pick<DeploymentRow, 'last_execution_state'>): ExecutionStatus {
  return row.last_execution_state === null ? 'PENDING' : executionStatus(row.last_execution_state)
}

/** The deployment of the wire, with the tasks of its one execution. */
export function deploymentObject(vault: Vault, row: DeploymentRow, tasks: Task[]): Deployment {
  return {
    ...moveFields(row, deploymentSettings(vault, row)),
    type: 'deployment',
    transfer_id: row.transfer_id,
    transfer_scenario_type: row.scenario,
    deployer_id: row.deployer_id,
    trust_id: null,
    origin_minion_pool_id: null,
    destination_minion_pool_id: null,
    transfer_result: row.transfer_result,
    last_execution_status: deploymentStatus(row),
    failure: row.failure,
    shutdown_instances: false,
    tasks,
  }
}

interface DeploymentChoice {
  readonly id: string
  readonly settings: MoveSettings
  readonly osmorphingPools: Readonly<Record<string, string>>
  readonly cloneDisks: boolean
  readonly skipOsMorphing: boolean
}

/** A deployment's row: copied from the transfer as it is now, so that later changes of that do not reach it. */
export function copyMove(vault: Vault, transfer: TransferRow, choice: DeploymentChoice) {
  return {
    id: choice.id,
    project_id: transfer.project_id,
    transfer_id: transfer.id,
    scenario: transfer.scenario,
    origin_endpoint_id: transfer.origin_endpoint_id,
    destination_endpoint_id: transfer.destination_endpoint_id,
    settings: sealSettings(vault, { table: 'deployments', id: choice.id }, choice.settings),
    network_map: JSON.stringify(transfer.network_map),
    storage_mappings: JSON.stringify(transfer.storage_mappings),
    notes: transfer.notes,
    osmorphing_pools: JSON.stringify(choice.osmorphingPools),
    clone_disks: choice.cloneDisks,
    skip_os_morphing: choice.skipOsMorphing,
  }
}
