import { sql, type Kysely } from 'kysely'
import { jsonText, type Database, type WorkerProvider } from '@instar/store'
import type { Offer } from '../delivery/requirements.ts'

/** Tells workers that a service or region was changed; whoever changes one notifies on it. */
export const WORKERS_CHANNEL = 'instar_workers'

/** A worker without a sign of life for so long is down. */
export const PRESENCE_MS = 15_000

const BINARY = 'instar-worker'
/** The only topic that counts for scheduling on the wire (coriolis-api.md 3.11). */
const TOPIC = 'coriolis_worker'

export interface Registration {
  readonly host: string
  readonly providers: Readonly<Record<string, WorkerProvider>>
  readonly specs: Readonly<Record<string, unknown>>
}

/** Enters the worker in the list of services, or again; whether it is enabled, and its regions, stay as the administrator set them. Answers its id. */
export async function registerWorker(db: Kysely<Database>, { host, providers, specs }: Registration, newId: () => string): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    insert into workers (id, host, binary_name, topic, providers, specs, beat_at)
    values (${newId()}, ${host}, ${BINARY}, ${TOPIC}, ${jsonText(providers)}::jsonb, ${jsonText(specs)}::jsonb, now())
    on conflict (host, binary_name, topic) where deleted_at is null
      do update set providers = excluded.providers, specs = excluded.specs, beat_at = now(), updated_at = now()
    returning id`.execute(db)
  return rows[0]!.id
}

/** What the worker brings now; `undefined` while it is disabled or deleted, and so gets no new work. */
export async function readOffer(
  db: Kysely<Database>,
  workerId: string,
  providers: Readonly<Record<string, WorkerProvider>>,
): Promise<Offer | undefined> {
  const { rows } = await sql<{ host: string; regions: string[] }>`
    select w.host, coalesce(array_agg(r.id::text) filter (where r.id is not null), '{}') as regions
    from workers w left join worker_regions wr on wr.worker_id = w.id
      left join regions r on r.id = wr.region_id and r.enabled and r.deleted_at is null
    where w.id = ${workerId} and w.enabled and w.deleted_at is null group by w.id`.execute(db)
  return rows[0] === undefined ? undefined : { ...rows[0], providers }
}

/** The offers of all workers that are enabled and alive. */
export async function presentOffers(db: Kysely<Database>): Promise<Offer[]> {
  return (await knownOffers(db)).filter(offer => offer.isPresent)
}

/** The offers of all workers that are enabled, also of those that are away for now. */
export async function knownOffers(db: Kysely<Database>): Promise<(Offer & { readonly isPresent: boolean })[]> {
  const { rows } = await sql<Offer & { isPresent: boolean }>`
    select w.host, w.providers, coalesce(array_agg(r.id::text) filter (where r.id is not null), '{}') as regions,
      coalesce(w.beat_at > now() - ${PRESENCE_MS} * interval '1 millisecond', false) as "isPresent"
    from workers w left join worker_regions wr on wr.worker_id = w.id
      left join regions r on r.id = wr.region_id and r.enabled and r.deleted_at is null
    where w.enabled and w.deleted_at is null group by w.id`.execute(db)
  return rows
}

export async function beat(db: Kysely<Database>, workerId: string): Promise<void> {
  await db
    .updateTable('workers')
    .set({ beat_at: sql`now()` })
    .where('id', '=', workerId)
    .execute()
}

/** So that it is known at once that the worker is gone. */
export async function signOff(db: Kysely<Database>, workerId: string): Promise<void> {
  await db.updateTable('workers').set({ beat_at: null }).where('id', '=', workerId).execute()
}
