import { namesIn } from '../guest-files.ts'
import type { GuestTree } from '../../tree/guest-tree.ts'

/** The path of a file or folder on a FAT file system by a name in any case, or `undefined`: FAT keeps the case and does not compare it. */
export function findOnFat(tree: GuestTree, base: string, relative: string): string | undefined {
  let at = base
  for (const part of relative.split('/').filter(Boolean)) {
    const name = namesIn(tree, at).find(each => each.toLowerCase() === part.toLowerCase())
    if (name === undefined) return undefined
    at = `${at}/${name}`
  }
  return at
}

/** The same for something that is to be made: parts that exist keep their case, so that no second name is written. */
export function placeOnFat(tree: GuestTree, base: string, relative: string): string {
  const parts = relative.split('/').filter(Boolean)
  let at = base
  for (const [index, part] of parts.entries()) {
    const found = findOnFat(tree, at, part)
    if (found === undefined) return [at, ...parts.slice(index)].join('/')
    at = found
  }
  return at
}
