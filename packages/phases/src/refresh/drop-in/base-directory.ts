import { statSync } from 'node:fs'

const DEFAULT_BASE = '/usr/libexec/os-refresh-config'
const LEGACY_BASE = '/opt/stack/os-config-refresh'

export interface BaseDirectory {
  readonly path: string
  /** One line for stderr, without a time stamp, where the legacy base is used. */
  readonly warning?: string
}

/** OS_REFRESH_CONFIG_BASE_DIR as it is, else the default, else, where only that is there, the legacy one. An empty variable counts as unset. */
export function findBaseDirectory(environment: NodeJS.ProcessEnv): BaseDirectory {
  const given = environment['OS_REFRESH_CONFIG_BASE_DIR']
  if (given) return { path: given }
  if (!isDirectory(LEGACY_BASE) || isDirectory(DEFAULT_BASE)) return { path: DEFAULT_BASE }
  return {
    path: LEGACY_BASE,
    warning: `WARNING:root:Base directory ${LEGACY_BASE} is deprecated. The recommended base directory is ${DEFAULT_BASE}`,
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
