import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Replaces a file so that after a power cut either the old or the new content is there, whole. */
export async function writeDurably(path: string, content: string): Promise<void> {
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  await file.writeFile(content)
  await file.sync()
  await file.close()
  await rename(temporary, path)
  await syncFolder(dirname(path))
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync()
  await folder.close()
}
