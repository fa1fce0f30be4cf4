import { randomBytes } from 'node:crypto'
import { open, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { namingFile } from '../naming-file.ts'
import { temporaryName } from './owner.ts'

/** Brings a file's content and size to stable storage. Opened for reading only: fsync needs no more, and the file's owner may differ. */
export async function syncFile(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync()
}

/** Makes names that were created, renamed or removed in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  await syncFile(folder)
}

/** Replaces or creates a small file so that after a power cut there is the old one or the whole new one. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), temporaryName(randomBytes(4).toString('hex')))
  try {
    await namingFile(path, async () => {
      await using handle = await open(temporary, 'wx', 0o600)
      await handle.writeFile(text)
      await handle.sync()
      await rename(temporary, path)
    })
  } catch (error) {
    await unlink(temporary).catch(() => undefined)
    throw error
  }
  await syncFolder(dirname(path))
}

/** Removes a file for good; one that is not there is no error. */
export async function removeDurably(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  await syncFolder(dirname(path))
}
