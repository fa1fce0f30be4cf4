/**
 * The guest's files as the steps of a morph see them: a part of the guest's tree held in memory, so that a step is a plain function from
 * files to changes. `load.ts` fills it from the mounted guest, `apply.ts` writes the changes back, `phonyGuest` makes one from a dictionary.
 *
 * Paths are absolute in the guest ("/etc/fstab"; a missing first slash is added). Every path is resolved *inside the guest*: an absolute
 * link target starts at the guest's root and `..` never leaves it, so nothing here can reach outside.
 */
export interface GuestTree {
  /** The entry after following links, or `undefined` when nothing is there (a dangling link and a loop of links are nothing). */
  stat(path: string): TreeEntry | undefined
  /** The entry itself, a link not followed in its last part. */
  lstat(path: string): TreeEntry | undefined
  /** The path with every link resolved, or `undefined` as for `stat`. */
  realpath(path: string): string | undefined
  exists(path: string): boolean
  /** Names in a folder, sorted; empty when there is no such folder. */
  list(path: string): string[]
  /** The text of a file (latin1: one character a byte, so bytes survive a read-write round trip; see text.ts), or `undefined` when it is not there. */
  read(path: string): string | undefined
  readBytes(path: string): Buffer | undefined
  /** Files below a folder whose path from the root matches; sorted. Links to folders are not entered. */
  glob(pattern: string): string[]

  /** Writes a file, keeping mode and owner of one that exists; else mode 0644, root. Folders in between are made (0755). No change if equal. */
  write(path: string, content: string | Uint8Array, options?: { mode?: number }): void
  /** Makes a link; replaces what was there unless that is a folder. */
  symlink(target: string, path: string): void
  mkdir(path: string, options?: { mode?: number }): void
  /** Removes a file, a link (not its target) or a whole folder; nothing happens when it is not there. */
  remove(path: string): void

  /** What differs from the tree as loaded, sorted by path; folders before what they hold. */
  changes(): TreeChange[]
  /** The same files, as if loaded like this: for the time after the changes were written. */
  settled(): GuestTree
}

export interface TreeEntry {
  readonly kind: 'file' | 'dir' | 'link' | 'other'
  /** Permission bits, e.g. 0o644. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly sizeBytes: number
  /** Of a link: where it points, as written. */
  readonly target?: string
}

export interface TreeChange {
  readonly path: string
  readonly change: 'created' | 'modified' | 'removed'
  readonly entry?: TreeEntry
  readonly content?: Buffer
}
