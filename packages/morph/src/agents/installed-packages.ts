import type { GuestTree } from '../tree/guest-tree.ts'

const DPKG = '/var/lib/dpkg/status'
const APK = ['/lib/apk/db/installed', '/usr/lib/apk/db/installed']
const PACMAN = '/var/lib/pacman/local'

/** Names of the packages that are installed, from the databases that are text (dpkg, apk, pacman). */
export function installedPackages(tree: GuestTree): string[] {
  const apk = APK.find(path => tree.exists(path))
  return [
    ...dpkgNames(tree.read(DPKG) ?? ''),
    ...apkNames(apk === undefined ? '' : (tree.read(apk) ?? '')),
    ...pacmanNames(tree.list(PACMAN)),
  ]
}

/** Packages that dpkg left half-way: a run was interrupted, and no other can begin before that is finished. */
export function unfinishedPackages(tree: GuestTree): string[] {
  const pending = tree.list('/var/lib/dpkg/updates').some(name => /^\d+$/.test(name)) ? ['(dpkg journal)'] : []
  return [
    ...stanzas(tree.read(DPKG) ?? '')
      .filter(one => /^(?:reinstreq|.* (?:half-installed|half-configured|unpacked|triggers-awaited|triggers-pending)$)/.test(statusOf(one)))
      .map(nameOf),
    ...pending,
  ]
}

function dpkgNames(status: string): string[] {
  return stanzas(status)
    .filter(one => / (?:installed|triggers-awaited|triggers-pending)$/.test(statusOf(one)))
    .map(nameOf)
}

function stanzas(text: string): string[] {
  return text.split(/\n\n+/).filter(one => one.includes('Package:'))
}

function nameOf(stanza: string): string {
  return /^Package:[ \t]*(\S+)/m.exec(stanza)?.[1] ?? ''
}

/** `want flag state`, as in "install ok installed". */
function statusOf(stanza: string): string {
  return /^Status:[ \t]*(.*)$/m.exec(stanza)?.[1]?.trim() ?? ''
}

function apkNames(installed: string): string[] {
  return [...installed.matchAll(/^P:(\S+)$/gm)].map(found => found[1]!)
}

/** Folders are `name-version-release`; neither of the last two has a dash. */
function pacmanNames(folders: readonly string[]): string[] {
  return folders.flatMap(folder => /^(.+)-[^-]+-[^-]+$/.exec(folder)?.[1] ?? [])
}
