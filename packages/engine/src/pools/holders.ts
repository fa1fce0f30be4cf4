import { sql } from 'kysely'
import { PRESENCE_MS } from '../worker/registration.ts'
import type { Trx } from './pool-deps.ts'

/** The workers that hold these machines and are there to do something with them. */
export async function readHolders(trx: Trx, machineIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql<{ id: string; host: string }>`
    select m.id, w.host from minion_machines m join workers w on w.host = m.held_by
    where m.id = any(${machineIds}::uuid[]) and w.enabled and w.deleted_at is null
      and w.beat_at > now() - ${PRESENCE_MS} * interval '1 millisecond'`.execute(trx)
  return new Map(rows.map(({ id, host }) => [id, host]))
}
