import { join } from 'node:path'

/** Where Instar keeps things on this machine (design.md, section 13). */
export interface Paths {
  /** What can be made again: the appliance, the demo guest. */
  readonly cacheDir: string
  /** Records of runs and layers that are kept. */
  readonly stateDir: string
  /** Sockets and throw-away files of what runs now. */
  readonly runtimeDir: string
}

/** `INSTAR_CACHE_DIR` and `INSTAR_STATE_DIR`, else the system's folders for root and the XDG ones for others. */
export function resolvePaths(env: Readonly<Record<string, string | undefined>>, uid: number): Paths {
  const home = env['HOME'] ?? '/'
  const isRoot = uid === 0
  const cacheDir = env['INSTAR_CACHE_DIR'] ?? (isRoot ? '/var/cache/instar' : join(env['XDG_CACHE_HOME'] ?? join(home, '.cache'), 'instar'))
  const stateDir =
    env['INSTAR_STATE_DIR'] ?? (isRoot ? '/var/lib/instar' : join(env['XDG_STATE_HOME'] ?? join(home, '.local/state'), 'instar'))
  return { cacheDir, stateDir, runtimeDir: join(stateDir, 'runtime') }
}
