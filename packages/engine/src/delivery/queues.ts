import type { Kysely } from 'kysely'
import type { PgBoss } from 'pg-boss'
import { fromDatabase, type Database, type Requirement } from '@instar/store'
import { HEARTBEAT_SECONDS } from './boss.ts'
import { fits, normalize, queueName, type Offer } from './requirements.ts'

/** Tells workers that there is a queue they do not know. */
export const QUEUES_CHANNEL = 'instar_queues'

/** Makes queues at need and remembers those that it made. */
export class Queues {
  readonly #boss: PgBoss
  readonly #known = new Map<string, Promise<void>>()

  constructor(boss: PgBoss) {
    this.#boss = boss
  }

  /** The name of the queue for these requirements, which exists when this returns. */
  async ensure(requires: readonly Requirement[]): Promise<string> {
    const normal = normalize(requires)
    const name = queueName(normal)
    const making = this.#known.get(name) ?? fromDatabase(this.#make(name, normal))
    this.#known.set(name, making)
    await making.catch((error: unknown) => {
      this.#known.delete(name)
      throw error
    })
    return name
  }

  /** On a connection of pg-boss's: the caller may hold one of ours, and as many may wait here as there are. */
  async #make(name: string, requires: readonly Requirement[]): Promise<void> {
    await this.#boss.createQueue(name, { heartbeatSeconds: HEARTBEAT_SECONDS, retryLimit: 1_000_000, retryDelay: 0 })
    const { rows } = await this.#boss
      .getDb()
      .executeSql('insert into queues (name, requires) values ($1, $2) on conflict do nothing returning name', [
        name,
        JSON.stringify(requires),
      ])
    if (rows.length > 0) await this.#boss.getDb().executeSql('select pg_notify($1, $2)', [QUEUES_CHANNEL, name])
  }

  /** The queues whose work a worker with this offer can do. */
  async fitting(db: Kysely<Database>, offer: Offer): Promise<string[]> {
    const queues = await db.selectFrom('queues').select(['name', 'requires']).execute()
    return queues.filter(({ requires }) => fits(requires, offer)).map(({ name }) => name)
  }
}
