import { lstatSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { timeOfId, type RefreshStore } from './store.ts'

const DAY_MS = 24 * 3600 * 1000
const DELETED = 'deleted-'

/**
 * Forgets runs older than `keepDays`, then the oldest while the journal is larger than `keepBytes`. A run that goes on, or that waits for
 * its reboot, stays, and so does `current`. Gives the ids that are gone. A crash on the way leaves folders that the next call removes.
 */
export function rotate(store: RefreshStore, limits: { keepDays: number; keepBytes: number }, now: Date, current?: string): string[] {
  for (const name of readdirSync(store.dir)) if (name.startsWith(DELETED)) remove(join(store.dir, name))
  const sizes = store.ids().map(id => ({ id, bytes: sizeOf(store.folderOf(id)) }))
  let total = sizes.reduce((sum, { bytes }) => sum + bytes, 0)
  const gone: string[] = []
  for (const { id, bytes } of sizes) {
    const isOld = now.getTime() - timeOfId(id) > limits.keepDays * DAY_MS
    if (!isOld && total <= limits.keepBytes) continue
    if (id === current || isNeeded(store, id)) continue
    // Out of the list first, then deleted: nobody sees half a run.
    const aside = join(store.dir, `${DELETED}${id}`)
    renameSync(store.folderOf(id), aside)
    remove(aside)
    total -= bytes
    gone.push(id)
  }
  return gone
}

function isNeeded(store: RefreshStore, id: string): boolean {
  const state = store.load(id)?.state
  return state === 'running' || state === 'waiting_for_reboot'
}

function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}

/** Bytes on disk: a file with a hole counts what it holds. */
function sizeOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name)
    return sum + (entry.isDirectory() ? sizeOf(path) : lstatSync(path).blocks * 512)
  }, 0)
}
