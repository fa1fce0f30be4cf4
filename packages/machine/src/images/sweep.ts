import { lstat, readdir, rm, rmdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { journalFileOf } from './commit-journal.ts'
import { readKeepRecord } from './keep.ts'
import type { Owner } from './owner.ts'
import { mayBeAlive, ownerOfTemporary, parseOwner } from './owner.ts'

/** The owner of a layer's folder by its name; `undefined` for a folder that is not one. */
export function ownerOfLayer(name: string): Owner | undefined {
  const [, tag] = /^layer-([0-9a-f-]+)-[0-9A-Za-z]{6}$/.exec(name) ?? []
  return tag === undefined ? undefined : parseOwner(tag)
}

/** Removes the layers and temporary files of dead runs in a folder, never kept ones; gives the paths removed. */
export async function sweepLayers(dir: string): Promise<string[]> {
  const removed = await sweepTemporaries(dir)
  for (const name of await namesIn(dir)) {
    const owner = ownerOfLayer(name)
    const path = join(dir, name)
    if (owner === undefined || mayBeAlive(owner) || (await isNeeded(path))) continue
    await rm(path, { recursive: true, force: true })
    removed.push(path)
  }
  if (basename(dir) === '.instar-layers') await rmdir(dir).catch(() => undefined)
  return removed
}

/**
 * A layer that was kept for a commit is needed as long as its image has a journal: without one the commit was not decided, or is done. An
 * image that is no longer in its place may have taken its journal along.
 */
async function isNeeded(directory: string): Promise<boolean> {
  const record = await readKeepRecord(directory).catch(() => 'unreadable' as const)
  if (record === undefined) return false
  if (record === 'unreadable' || record.reason === 'error') return true
  const { path, identity } = record.image
  const inode = await stat(path, { bigint: true }).then(
    status => String(status.ino),
    () => undefined,
  )
  return inode !== identity.inode || (await exists(journalFileOf(path)))
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  )
}

/** Removes the temporary files of dead runs in a folder, as a killed `--output` leaves them beside the new image. */
export async function sweepTemporaries(dir: string): Promise<string[]> {
  const removed: string[] = []
  for (const name of await namesIn(dir)) {
    const owner = ownerOfTemporary(name)
    if (owner === undefined || mayBeAlive(owner)) continue
    await rm(join(dir, name), { force: true })
    removed.push(join(dir, name))
  }
  return removed
}

async function namesIn(dir: string): Promise<string[]> {
  return await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EACCES') return []
    throw error
  })
}
