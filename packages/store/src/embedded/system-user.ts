import { spawnSync } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InstarError } from '@instar/contract'

/** Whom PostgreSQL runs as. `switching`: we are root, and the server has to be started as this user. */
export interface SystemUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly switching: boolean
}

const DEFAULT_NAME = 'instar'

/**
 * We ourselves, unless we are root: PostgreSQL refuses uid 0. Then the user `name`, which must exist; without a name the system user `instar`,
 * made at need. Throws `store.bad-user`.
 */
export function findSystemUser(name?: string): SystemUser {
  const uid = process.getuid?.() ?? 0
  if (uid !== 0) return { name: String(uid), uid, gid: process.getgid?.() ?? uid, switching: false }
  const wanted = name ?? DEFAULT_NAME
  const found = lookUp(wanted) ?? (name === undefined ? makeUser() : undefined)
  if (found === undefined) throw new InstarError('store.bad-user', `there is no user ${wanted} on this machine`)
  if (found.uid === 0) throw new InstarError('store.bad-user', `PostgreSQL cannot run as ${wanted}, whose uid is 0`)
  return found
}

function lookUp(name: string): SystemUser | undefined {
  const { stdout, status } = spawnSync('getent', ['passwd', name], { encoding: 'utf8' })
  const [, , uid, gid] = (stdout ?? '').split(':')
  return status === 0 && uid !== undefined ? { name, uid: Number(uid), gid: Number(gid), switching: true } : undefined
}

function makeUser(): SystemUser {
  const options = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin']
  const { stderr, error } = spawnSync('useradd', [...options, DEFAULT_NAME], {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  })
  // Asked again whatever useradd said: another process may have made the user in the same moment.
  const made = lookUp(DEFAULT_NAME)
  if (made === undefined)
    throw new InstarError('store.bad-user', `the system user ${DEFAULT_NAME} could not be made: ${(stderr ?? '').trim() || error?.message}`)
  return made
}

/** Throws `store.unreachable-folder` with the folder that keeps `user` out of `path`, which need not exist. */
export async function requireReachable(path: string, user: SystemUser): Promise<void> {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    const found = await stat(at).catch(() => undefined)
    if (found === undefined) continue
    const bit = found.uid === user.uid ? 0o100 : found.gid === user.gid ? 0o010 : 0o001
    if ((found.mode & bit) === 0)
      throw new InstarError(
        'store.unreachable-folder',
        `the user ${user.name} cannot pass ${at} (mode ${(found.mode & 0o7777).toString(8)})`,
      )
  }
}
