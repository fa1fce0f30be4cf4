import type { Kysely, Transaction } from 'kysely'
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
    patch: async (trx: Transaction<Database>, { actionId, instance }, patch) => {
      const row = await trx
        .selectFrom('action_instances')
        .select('info')
        .where('action_id', '=', actionId)
        .where('instance', '=', instance)
        .forUpdate()
        .executeTakeFirst()
      if (row === undefined) return
      const merged = { ...openInfo(vault, { actionId, instance }, row.info), ...patch }
      await trx
        .updateTable('action_instances')
        .set({ info: vault.seal(merged, placeOf({ actionId, instance })) })
        .where('action_id', '=', actionId)
        .where('instance', '=', instance)
        .execute()
    },
  }
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
