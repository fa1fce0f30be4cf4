import { InstarError } from '@instar/contract'
import { PRESENCE_MS } from '@instar/engine'
import type { WorkerProvider } from '@instar/store'
import type { Db } from '../api-deps.ts'

export function isLive(worker: { readonly beat_at: Date | null }, now: Date): boolean {
  return worker.beat_at !== null && now.getTime() - worker.beat_at.getTime() < PRESENCE_MS
}

/** What the platforms of all live, enabled workers can do together. Throws `engine.no-worker` when there is none. */
export async function loadPlatforms(db: Db, now: Date): Promise<Map<string, WorkerProvider>> {
  const rows = await db
    .selectFrom('workers')
    .select(['providers', 'beat_at'])
    .where('deleted_at', 'is', null)
    .where('enabled', '=', true)
    .orderBy('beat_at')
    .execute()
  const live = rows.filter(row => isLive(row, now))
  if (live.length === 0) throw new InstarError('engine.no-worker', 'no enabled worker is alive')
  const platforms = new Map<string, WorkerProvider>()
  for (const [platform, { types, schemas }] of live.flatMap(row => Object.entries(row.providers))) {
    const known = platforms.get(platform)
    platforms.set(platform, {
      types: [...new Set([...(known?.types ?? []), ...types])].sort((a, b) => a - b),
      schemas: { ...known?.schemas, ...schemas },
    })
  }
  return platforms
}
