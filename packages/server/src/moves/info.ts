import type { Info, InfoStore } from '@instar/engine'
import type { Db } from '../api-deps.ts'
import { maskObject } from '../secrets/mask.ts'

const CONNECTION_KEYS = ['origin', 'destination']
const VOLUME_KEYS = ['volumes_info', 'released_volumes']

/** `info` of the wire: what is known of each machine, secrets masked. */
export async function infoObject(info: InfoStore, db: Db, actionId: string): Promise<Record<string, Record<string, unknown>>> {
  const instances = await info.read(db, actionId)
  return Object.fromEntries([...instances].map(([instance, known]) => [instance, shownInfo(known)]))
}

function shownInfo(known: Info): Record<string, unknown> {
  const entries = Object.entries(known).map(([key, value]) => {
    if (CONNECTION_KEYS.includes(key)) return [key, { got: 'redacted' }] as const
    // How to reach a minion is of no use to anybody outside.
    if (key.endsWith('_connection_info') && value !== null) return [key, { got: 'redacted' }] as const
    return [key, VOLUME_KEYS.includes(key) ? withoutChunks(value) : value] as const
  })
  return maskObject(Object.fromEntries(entries))
}

/** The state of a copy may hold a hash for each chunk of a disk. */
function withoutChunks(volumes: unknown): unknown {
  if (!Array.isArray(volumes)) return volumes
  return volumes.map((volume: unknown) => {
    if (typeof volume !== 'object' || volume === null || !('replica_state' in volume)) return volume
    const state = volume.replica_state
    return typeof state === 'object' && state !== null && 'chunks' in state
      ? { ...volume, replica_state: { ...state, chunks: ['<redacted>'] } }
      : volume
  })
}
