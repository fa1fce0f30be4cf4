/** Options for the morph's own mount, and what was done to the guest's, as sentences for the report. */
export interface MountOptions {
  readonly options: readonly string[]
  readonly notes: readonly string[]
}

/**
 * Options that change how a filesystem is laid open and must stay. All others go: the guest's kernel, SELinux policy and user names are
 * not the minion's, and an option that its kernel does not know (nobarrier, x-systemd.*) would refuse the whole mount.
 */
const KEPT =
  /^(subvol|compress|compress-force|errors|umask|fmask|dmask|shortname|data)=|^(noatime|relatime|nodiratime|nosuid|compress|compress-force|degraded|nodatacow|quiet)$/

/** Worth a word in the report when dropped; the rest is without consequence for a mount of minutes. */
const NOTED: readonly [pattern: RegExp, note: string][] = [
  [/^ro$/, 'mounted read-write although it says ro'],
  [/^noexec$/, 'mounted without noexec: scripts of packages run there'],
  [/^discard/, 'mounted without discard: it would punch holes into the copy'],
  [/^(fscontext|context|defcontext|rootcontext)=/, 'mounted without the SELinux context option: labels are those on the disk'],
  [/^(usrquota|grpquota|prjquota|usrjquota|grpjquota|uquota|gquota|pquota|quota)/, 'mounted without quotas'],
]

/** Chooses the options with which the morph mounts a line of the guest's fstab (morphing.md 1.3). */
export function morphOptions(given: readonly string[], type: string): MountOptions {
  const kept = given.filter(option => KEPT.test(option) && !(option.startsWith('data=') && !type.startsWith('ext')))
  // A subvolume is known by its path; the id grows stale after a rollback. The id alone must do where there is no path.
  const byId = given.find(option => option.startsWith('subvolid='))
  const subvolume = byId !== undefined && !kept.some(option => option.startsWith('subvol=')) && type === 'btrfs' ? [byId] : []
  // A snapshot or clone of the same disk may be attached elsewhere on the minion.
  const clone = type === 'xfs' ? ['nouuid'] : []
  const notes = NOTED.filter(([pattern]) => given.some(option => pattern.test(option))).map(([, note]) => note)
  return { options: ['rw', ...kept, ...subvolume, ...clone], notes }
}
