import { createHash } from 'node:crypto'
import { chmod, chown, lstat, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InstarError } from '@instar/contract'
import type { SystemUser } from './system-user.ts'

/** sun_path of unix(7) holds 107 bytes, and PostgreSQL adds "/.s.PGSQL.5432.lock" to the folder. */
const MAX_FOLDER_BYTES = 107 - '/.s.PGSQL.5432.lock'.length

/** Makes the folder of the server's socket, which nobody else may enter: below `home` where the path is short enough, else in the temporary folder. */
export async function makeSocketFolder(home: string, user: SystemUser): Promise<string> {
  const near = join(home, 'run')
  const short = join(tmpdir(), `instar-${createHash('sha256').update(home).digest('hex').slice(0, 12)}`)
  const folder = Buffer.byteLength(near) <= MAX_FOLDER_BYTES ? near : short
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  // Its name can be foreseen: a folder or link that somebody else laid there is not ours.
  const found = await lstat(folder)
  if (!found.isDirectory() || (found.uid !== user.uid && found.uid !== process.getuid?.()))
    throw new InstarError('store.start-failed', `${folder}, where the socket of PostgreSQL belongs, is not a folder of ours`)
  await chmod(folder, 0o700)
  if (user.switching) await chown(folder, user.uid, user.gid)
  return folder
}
