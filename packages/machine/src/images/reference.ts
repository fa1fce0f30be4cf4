import { realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, resolve, sep } from 'node:path'
import { InstarError } from '@instar/contract'

export interface AllowedPlaces {
  readonly files: readonly string[]
  readonly folders: readonly string[]
}

/** Sorts the given files and folders and follows their links; what does not exist allows nothing. */
export async function allowedPlaces(given: readonly string[]): Promise<AllowedPlaces> {
  const places = { files: [] as string[], folders: [] as string[] }
  for (const entry of given) {
    const path = await realpath(entry).catch(() => undefined)
    if (path === undefined) continue
    const list = (await stat(path)).isDirectory() ? places.folders : places.files
    list.push(path)
  }
  return places
}

/**
 * The file that a name inside of an image means, links followed. Throws `image.backing-refused` unless it is one of the allowed ones,
 * or for a name that QEMU would take for a protocol (`nbd:`, `json:`): a colon before the first slash.
 */
export async function resolveReference(name: string, from: string, allowed: AllowedPlaces): Promise<string> {
  const what = `${from} refers to ${JSON.stringify(name.slice(0, 200))}`
  if (/^[^/]*:/.test(name)) throw refused(`${what}, which is no file name`)
  if (name === '' || name.includes('\0')) throw refused(`${what}, which names no file`)
  const path = isAbsolute(name) ? name : resolve(dirname(from), name)
  const real = await realpath(path).catch((cause: unknown) => {
    throw refused(`${what}, which cannot be found`, cause)
  })
  if (!isAllowed(real, allowed)) throw refused(`${what}, that is ${real}, which is neither given nor inside an allowed folder`)
  return real
}

function isAllowed(real: string, allowed: AllowedPlaces): boolean {
  return allowed.files.includes(real) || allowed.folders.some(folder => real.startsWith(folder.endsWith(sep) ? folder : folder + sep))
}

function refused(message: string, cause?: unknown): InstarError {
  return new InstarError('image.backing-refused', message, cause === undefined ? {} : { cause })
}
