export type { GuestTree, TreeChange, TreeEntry } from './tree/guest-tree.ts'
export { createMemoryTree } from './tree/memory-tree.ts'
export { phonyGuest, dir as phonyDir } from './tree/phony-guest.ts'
export type { PhonyFile } from './tree/phony-guest.ts'
