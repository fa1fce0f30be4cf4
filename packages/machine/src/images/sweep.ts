import { readdir, rm, rmdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isKept } from './keep.ts'
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
    if (owner === undefined || mayBeAlive(owner) || (await isKept(path))) continue
    await rm(path, { recursive: true, force: true })
    removed.push(path)
  }
  if (basename(dir) === '.instar-layers') await rmdir(dir).catch(() => undefined)
  return removed
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
