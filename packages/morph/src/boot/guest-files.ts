import { known } from '../detect/known.ts'
import type { GuestTree } from '../tree/guest-tree.ts'

/** Whether a file is there; a link of the guest that leads to where nobody looked counts as nothing, here and below. */
export function isFile(tree: GuestTree, path: string): boolean {
  return known(() => tree.stat(path))?.kind === 'file'
}

/** The text of a file, empty when there is none. */
export function textOf(tree: GuestTree, path: string): string {
  return known(() => tree.read(path)) ?? ''
}

/** Names in a folder, empty when there is none. */
export function namesIn(tree: GuestTree, path: string): string[] {
  return known(() => tree.list(path)) ?? []
}

/** Bytes of a file, 0 when there is none. */
export function sizeOf(tree: GuestTree, path: string): number {
  return known(() => tree.stat(path))?.sizeBytes ?? 0
}

/** A path with every link resolved, when it leads to something that was looked at. */
export function realPath(tree: GuestTree, path: string): string | undefined {
  return known(() => tree.realpath(path))
}
