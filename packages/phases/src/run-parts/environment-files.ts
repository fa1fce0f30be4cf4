import { accessSync, constants, readdirSync, statSync } from 'node:fs'
import { compareBytes } from './order.ts'
import { errnoOf, reasonOf } from './system-error.ts'

/** Letters, digits, `_`, `.`, `-`; a leading dot is allowed. */
const NAME = /^[A-Za-z0-9_.-]+$/
/** `.NAME.swp`: what vim keeps beside a file that is being edited. */
const SWAP_FILE = /^\..+\.sw[a-p]$/

export type EnvironmentFiles =
  | { readonly kind: 'files'; readonly files: readonly string[] }
  | { readonly kind: 'unreadable'; readonly path: string; readonly reason: string }

/**
 * The files of the environment.d beside a directory of scripts, as `{directory}/../environment.d/NAME`, in byte order. `..` is the parent of the
 * real directory. A missing environment.d, or one without a fitting name, has none.
 */
export function environmentFiles(directory: string): EnvironmentFiles {
  const folder = `${directory}/../environment.d`
  try {
    // Where it cannot be searched none of its files would be seen.
    accessSync(folder, constants.X_OK)
    const names = readdirSync(folder).filter(name => NAME.test(name) && !SWAP_FILE.test(name) && isFile(`${folder}/${name}`))
    return { kind: 'files', files: names.sort(compareBytes).map(name => `${folder}/${name}`) }
  } catch (error) {
    const isAbsent = ['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')
    if (isAbsent || errnoOf(error) === 0) return { kind: 'files', files: [] }
    return { kind: 'unreadable', path: folder, reason: reasonOf(error) }
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}
