import { InstarError } from '@instar/contract/errors'
import type { MinionPool } from '@instar/contract/api'
import { printable } from '@instar/phases/text'
import type { Context } from '../context.ts'
import type { Api } from '../service/api.ts'
import { untilFinal } from './until-final.ts'

const RESTING: readonly MinionPool['status'][] = ['DEALLOCATED', 'ALLOCATED', 'ERROR']

/** Waits until a pool's machines are made or gone and tells its events meanwhile; throws when it came to rest in ERROR. */
export async function restOfPool(context: Context, api: Api, path: string): Promise<MinionPool> {
  const ended = new AbortController()
  const say = (line: string) => context.stderr.write(`${line}\n`)
  let told: number | undefined
  const going = {
    read: async () => (await api.get<{ minion_pool: MinionPool }>(path)).minion_pool,
    isFinal: ({ status }: MinionPool) => RESTING.includes(status),
    events: ({ id }: MinionPool) => `minion_pools/${id}/events`,
    show: (pool: MinionPool) => {
      const messages = messagesOf(pool)
      for (const message of messages.slice(told ?? messages.length)) say(printable(message))
      told = messages.length
    },
    say,
  }
  try {
    const pool = await untilFinal(api, going, AbortSignal.any([context.signal, ended.signal]))
    if (pool.status !== 'ERROR') return pool
    throw new InstarError('execution.failed', `pool ${pool.name} could not do it`, {
      cause: new Error(messagesOf(pool).at(-1) ?? pool.status),
    })
  } finally {
    // A stream that is still open would keep the process.
    ended.abort()
  }
}

function messagesOf({ events }: MinionPool): string[] {
  return events.toSorted((a, b) => a.index - b.index).map(({ message }) => message)
}
