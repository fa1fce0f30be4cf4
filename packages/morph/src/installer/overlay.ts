import { posix } from 'node:path'
import type { GuestTree } from '../tree/guest-tree.ts'

/**
 * How a file of ours is put at a guest's path for the time of a run, without links on the way (`at`):
 * `bind`: mounted over a file that is there (also an immutable one), in the run's own mount namespace only;
 * `run`: into the memory file system over /run;
 * `create`: a new file, removed afterwards; `replace`: the link there is moved to `aside` and moved back afterwards.
 */
export type OverlayPlace =
  | { readonly how: 'bind' | 'run' | 'create'; readonly at: string }
  | { readonly how: 'replace'; readonly at: string; readonly aside: string }

const MAX_LINKS = 16

/** Where a file of ours goes so that the guest's programs find it at `path`; undefined where the folder is not there. */
export function planOverlay(tree: GuestTree, path: string): OverlayPlace | undefined {
  const end = endOfLinks(tree, path)
  const inRun = /^(?:\/var)?\/run\/(.+)$/.exec(end)?.[1]
  if (inRun !== undefined) return { how: 'run', at: `/run/${inRun}` }
  const real = tree.realpath(path)
  if (real !== undefined && tree.stat(path)?.kind === 'file') return { how: 'bind', at: real }
  const folder = tree.realpath(posix.dirname(path))
  if (folder === undefined || real !== undefined) return undefined
  const at = posix.join(folder, posix.basename(path))
  return tree.lstat(path) === undefined ? { how: 'create', at } : { how: 'replace', at, aside: `${at}.instar-aside` }
}

/** The path a chain of links ends at, whether something is there or not. */
function endOfLinks(tree: GuestTree, path: string): string {
  let at = path
  for (let count = 0; count < MAX_LINKS; count += 1) {
    const entry = tree.lstat(at)
    if (entry?.kind !== 'link' || entry.target === undefined) return at
    at = posix.resolve(tree.realpath(posix.dirname(at)) ?? posix.dirname(at), entry.target)
  }
  return path
}
