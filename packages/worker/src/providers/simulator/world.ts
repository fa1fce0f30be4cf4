import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { makeFolder } from '@instar/machine'
import type { Own } from '../provider.ts'

/** What the simulated platform holds: one small file for each thing, in a folder for each kind. */
export type Kind =
  | 'shutdowns'
  | 'source-resources'
  | 'source-snapshots'
  | 'volumes'
  | 'target-resources'
  | 'snapshots'
  | 'instances'
  | 'machines'
  | 'morphing-resources'
  | 'pool-shared'
  | 'minions'
  | 'spent-faults'

/**
 * The state of a simulated platform, on disk: it outlives workers, and several of them share it. Names are URI-encoded, so that a machine's
 * name leads to no other folder.
 */
export class World {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes or replaces a thing; nobody ever reads half of it. */
  async put(kind: Kind, name: string, body: Own): Promise<void> {
    const path = this.path(kind, name)
    const next = `${path}.${randomUUID()}.new`
    await makeFolder(join(this.#folder, kind))
    await writeFile(next, JSON.stringify(body))
    await rename(next, path)
  }

  /** True for the one caller that made it. */
  async claim(kind: Kind, name: string): Promise<boolean> {
    await makeFolder(join(this.#folder, kind))
    return writeFile(this.path(kind, name), '{}', { flag: 'wx' }).then(
      () => true,
      error => unless('EEXIST', error, false),
    )
  }

  async get(kind: Kind, name: string): Promise<Own | undefined> {
    const text = await readFile(this.path(kind, name), 'utf8').catch(error => unless('ENOENT', error, undefined))
    return text === undefined ? undefined : (JSON.parse(text) as Own)
  }

  async has(kind: Kind, name: string): Promise<boolean> {
    return (await this.get(kind, name)) !== undefined
  }

  async remove(kind: Kind, name: string): Promise<void> {
    await rm(this.path(kind, name), { force: true })
  }

  /** The names of a kind that begin like this. */
  async list(kind: Kind, beginning = ''): Promise<string[]> {
    const files = await readdir(join(this.#folder, kind)).catch(error => unless('ENOENT', error, []))
    return files
      .filter(file => file.endsWith('.json'))
      .map(file => decodeURIComponent(file.slice(0, -'.json'.length)))
      .filter(name => name.startsWith(beginning))
      .sort()
  }

  path(kind: Kind, name: string): string {
    return join(this.#folder, kind, `${encodeURIComponent(name)}.json`)
  }
}

function unless<T>(code: string, error: unknown, otherwise: T): T {
  if ((error as NodeJS.ErrnoException).code === code) return otherwise
  throw error
}
