import { lstat, readdir, readlink, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'

const DAY_MS = 24 * 60 * 60 * 1000

/** How much of a cache is kept. */
export interface CacheLimits {
  /** What nobody used for so long goes. */
  readonly maxIdleMs: number
  /** On the host's disk, all together; beyond that the longest unused go first. */
  readonly maxBytes: number
  /** What was used since is never removed for want of room: its user may be about to open it. */
  readonly minIdleMs: number
}

/** Two weeks; one day, as no run of ours takes longer. */
export const CACHE_TIMES = { maxIdleMs: 14 * DAY_MS, minIdleMs: DAY_MS } as const

/** Notes the use of an entry. A cache that this user may only read still serves. */
export async function noteUse(path: string): Promise<void> {
  const now = new Date()
  await utimes(path, now, now).catch(() => undefined)
}

/**
 * Removes entries of a cache, files or folders, that are over its limits, and gives their names. One that a process has open stays. Call it
 * under the lock of whoever makes entries; `names` picks those that may go, and the time of each is that of its last use.
 */
export async function pruneCache(folder: string, names: (name: string) => boolean, limits: CacheLimits): Promise<string[]> {
  const found = (await readdir(folder)).filter(names)
  const entries = await Promise.all(found.map(async name => await measure(join(folder, name), name)))
  const open = await openPaths(folder)
  const removed: string[] = []
  let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
  for (const { name, idleMs, bytes: own } of entries.sort((a, b) => b.idleMs - a.idleMs)) {
    const isOver = idleMs > limits.maxIdleMs || (bytes > limits.maxBytes && idleMs > limits.minIdleMs)
    const path = join(folder, name)
    if (!isOver || open.some(file => file === path || file.startsWith(`${path}/`))) continue
    // A killed build may write for a moment yet.
    await rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    bytes -= own
    removed.push(name)
  }
  return removed
}

async function measure(path: string, name: string): Promise<{ name: string; idleMs: number; bytes: number }> {
  const { mtimeMs } = await stat(path)
  const below = await readdir(path, { recursive: true }).catch(() => [])
  const sizes = await Promise.all([path, ...below.map(file => join(path, file))].map(async file => (await lstat(file)).blocks * 512))
  return { name, idleMs: Date.now() - mtimeMs, bytes: sizes.reduce((sum, size) => sum + size, 0) }
}

/** Files below a folder that processes have open, as far as this user may see them. */
async function openPaths(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const paths = await Promise.all(
    pids.map(async pid => {
      const numbers = await readdir(`/proc/${pid}/fd`).catch(() => [])
      return await Promise.all(numbers.map(number => readlink(`/proc/${pid}/fd/${number}`).catch(() => '')))
    }),
  )
  return paths.flat().filter(path => path.startsWith(`${folder}/`))
}
