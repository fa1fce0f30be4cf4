export type { GuestTree, TreeChange, TreeEntry } from './tree/guest-tree.ts'
