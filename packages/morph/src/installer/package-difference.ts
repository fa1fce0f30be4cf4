import type { InstalledPackage } from './manager.ts'

/** What differs between two lists of packages, as sentences sorted by name. Several versions of one name (kernels) are told apart. */
export function describeDifference(before: readonly InstalledPackage[], after: readonly InstalledPackage[]): string[] {
  const old = versionsByName(before)
  const now = versionsByName(after)
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap(name => {
    const gone = [...(old.get(name) ?? [])].filter(version => now.get(name)?.has(version) !== true)
    const added = [...(now.get(name) ?? [])].filter(version => old.get(name)?.has(version) !== true)
    if (gone.length === 1 && added.length === 1) return [`${name} changed from ${gone[0]} to ${added[0]}`]
    return [...gone.map(version => `${name} ${version} removed`), ...added.map(version => `${name} ${version} installed`)]
  })
}

function versionsByName(list: readonly InstalledPackage[]): Map<string, Set<string>> {
  const versions = new Map<string, Set<string>>()
  for (const { name, version } of list) versions.set(name, (versions.get(name) ?? new Set()).add(version))
  return versions
}
