import type { Info } from '../engine.ts'
import type { MinionRole, PoolDeps, Trx } from './pool-deps.ts'
import { updateMinion, type MinionRow } from './pool-row.ts'

/** What a machine's info holds of its minion (coriolis-api.md 3.5); null = it has none any more. */
export function minionInfo(role: MinionRole, minion: { readonly id: string; readonly details: MinionDetails } | null): Info {
  return {
    [`${role}_minion_machine_id`]: minion?.id ?? null,
    [`${role}_minion_provider_properties`]: minion?.details.provider_properties ?? null,
    [`${role}_minion_connection_info`]: minion?.details.connection_info ?? null,
    ...(role === 'destination' && {
      destination_minion_backup_writer_connection_info: minion?.details.backup_writer_connection_info ?? null,
    }),
  }
}

export interface MinionDetails {
  readonly provider_properties: Info
  readonly connection_info: Info
  readonly backup_writer_connection_info?: Info
}

export function openDetails(deps: Pick<PoolDeps, 'store'>, minion: Pick<MinionRow, 'id' | 'details'>): MinionDetails | null {
  if (minion.details === null) return null
  return deps.store.vault.open(minion.details, `minion_machines:${minion.id}:details`) as MinionDetails
}

export function sealDetails(deps: Pick<PoolDeps, 'store'>, machineId: string, details: MinionDetails): Buffer {
  return deps.store.vault.seal(details, `minion_machines:${machineId}:details`)
}

/** Gives back the machines of an execution that has ended and did not do it by its own tasks. Those still being made follow when they are. */
export async function releaseMinions(
  deps: PoolDeps,
  trx: Trx,
  execution: { readonly id: string; readonly actionId: string },
): Promise<void> {
  const minions = await trx
    .selectFrom('minion_machines')
    .selectAll()
    .where('reserved_for', '=', execution.id)
    .where('allocation_status', '=', 'IN_USE')
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
  for (const minion of minions) {
    await freeMinion(deps, trx, minion.id)
    const { instance, role } = minion
    if (instance !== null && role !== null) {
      await deps.engine().info.patch(trx, { actionId: execution.actionId, instance }, minionInfo(role, null))
    }
  }
}

/** A machine that works, back in its pool. */
export async function freeMinion(deps: PoolDeps, trx: Trx, machineId: string): Promise<void> {
  await updateMinion(deps, trx, machineId, {
    allocation_status: 'AVAILABLE',
    allocated_action: null,
    reserved_for: null,
    instance: null,
    role: null,
  })
}
