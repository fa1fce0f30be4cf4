import { statfs } from 'node:fs/promises'
import { InstarError } from '@instar/contract'

const MIB = 1024 * 1024
const TMPFS_MAGIC = 0x01_02_19_94

/** Refuses (`image.no-space`) when fewer than `needBytes` are free for us in the file system of `folder`. */
export async function requireFreeSpace(folder: string, needBytes: number, what: string): Promise<void> {
  const status = await statfs(folder)
  const freeBytes = status.bavail * status.bsize
  if (freeBytes >= needBytes) return
  throw new InstarError('image.no-space', `${what}: needed ${toMiB(needBytes)} MiB, free ${toMiB(freeBytes)} MiB in ${folder}`, {
    details: { need_bytes: needBytes, free_bytes: freeBytes, folder },
  })
}

/** True where files are lost with the power. */
export async function isInMemory(folder: string): Promise<boolean> {
  return (await statfs(folder)).type === TMPFS_MAGIC
}

function toMiB(bytes: number): number {
  return Math.ceil(bytes / MIB)
}
