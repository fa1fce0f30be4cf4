import { sql, type Kysely, type Transaction } from 'kysely'
import type { Database, Vault } from '@instar/store'
import type { Info, InfoStore } from '../engine.ts'

export function createInfoStore(vault: Vault): InfoStore {
  return {
    read: async (db: Kysely<Database>, actionId) => {
      const rows = await db
        .selectFrom('action_instances')
        .select(['instance', 'info'])
        .where('action_id', '=', actionId)
        .orderBy('position')
        .execute()
      return new Map(rows.map(({ instance, info }) => [instance, openInfo(vault, { actionId, instance }, info)]))
    },
    patch: (trx, { actionId, instance }, patch) => patchAll(vault, trx, actionId, new Map([[instance, patch]])),
    patchAll: (trx, actionId, patches) => patchAll(vault, trx, actionId, patches),
  }
}

async function patchAll(vault: Vault, trx: Transaction<Database>, actionId: string, patches: ReadonlyMap<string, Info>): Promise<void> {
  // Locked in one order, so that two of these never wait for each other.
  const { rows } = await sql<{ instance: string; info: Buffer | null }>`select instance, info from action_instances
    where action_id = ${actionId} and instance = any(${[...patches.keys()]}::text[]) order by instance for no key update`.execute(trx)
  if (rows.length === 0) return
  const names = rows.map(({ instance }) => instance)
  const sealed = rows.map(({ instance, info }) => {
    const of = { actionId, instance }
    return vault.seal({ ...openInfo(vault, of, info), ...patches.get(instance) }, placeOf(of))
  })
  // The last condition says nothing new, but lets PostgreSQL look the rows up instead of reading all of the action's.
  await sql`update action_instances a set info = p.info
    from unnest(${names}::text[], ${sealed}::bytea[]) as p (instance, info)
    where a.action_id = ${actionId} and a.instance = p.instance and a.instance = any(${names}::text[])`.execute(trx)
}

interface InstanceOfAction {
  readonly actionId: string
  readonly instance: string
}

export function openInfo(vault: Vault, of: InstanceOfAction, sealed: Buffer | null): Info {
  return sealed === null ? {} : (vault.open(sealed, placeOf(of)) as Info)
}

function placeOf({ actionId, instance }: InstanceOfAction): string {
  return `action_instances:${actionId}:${instance}`
}
