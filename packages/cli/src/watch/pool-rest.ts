import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract/errors'
import type { MinionPool } from '@instar/contract/api'
import { printable } from '@instar/phases/text'
import type { Context } from '../context.ts'
import type { Api } from '../service/api.ts'

const POLL_MS = 1000
const RESTING: readonly MinionPool['status'][] = ['DEALLOCATED', 'ALLOCATED', 'ERROR']

/** Waits until a pool's machines are made or gone and tells its events meanwhile; throws when it came to rest in ERROR. */
export async function restOfPool(context: Context, api: Api, path: string): Promise<MinionPool> {
  let told: number | undefined
  for (;;) {
    const { minion_pool: pool } = await api.get<{ minion_pool: MinionPool }>(path)
    const events = pool.events.toSorted((a, b) => a.index - b.index)
    for (const event of told === undefined ? [] : events.slice(told)) context.stderr.write(`${printable(event.message)}\n`)
    told = events.length
    if (RESTING.includes(pool.status)) {
      if (pool.status !== 'ERROR') return pool
      throw new InstarError('execution.failed', `pool ${pool.name} could not do it`, {
        cause: new Error(events.at(-1)?.message ?? pool.status),
      })
    }
    await sleep(POLL_MS, undefined, { signal: context.signal })
  }
}
