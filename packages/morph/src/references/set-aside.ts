import type { GuestTree } from '../tree/guest-tree.ts'

/** Moves a file or link of the guest to `PATH.pre-morph` (`.pre-morph.2`, ... when that is taken) beside it and gives the new path. */
export function setAside(tree: GuestTree, path: string): string {
  const entry = tree.lstat(path)
  const aside = freeName(tree, `${path}.pre-morph`)
  if (entry?.kind === 'link') tree.symlink(entry.target ?? '', aside)
  else tree.write(aside, tree.readBytes(path) ?? '', { mode: entry?.mode ?? 0o644 })
  tree.remove(path)
  return aside
}

function freeName(tree: GuestTree, path: string): string {
  let name = path
  for (let number = 2; tree.lstat(name) !== undefined; number += 1) name = `${path}.${number}`
  return name
}
