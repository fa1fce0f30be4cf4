import type { GuestTree } from '../tree/guest-tree.ts'
import type { Outcome } from './outcome.ts'
import { newOutcome } from './outcome.ts'
import { setAside } from './set-aside.ts'

/** Both remember disks of the source by WWID: a disk that keeps its serial would be taken by multipathd under its old alias. */
const REMEMBERED = ['/etc/multipath/wwids', '/etc/multipath/bindings']

/** Moves multipath's memory of the source's disks aside; multipathd makes new files. The configuration itself is only reported. */
export function fixMultipath(tree: GuestTree): Outcome {
  const outcome = newOutcome()
  for (const path of REMEMBERED) {
    const entries = entriesOf(tree.read(path) ?? '')
    if (entries.length === 0) continue
    const aside = setAside(tree, path)
    outcome.changes.push(`${path}: moved to ${aside}; it names ${entries.length} disk(s) of the old platform`)
    outcome.inInitramfs.push(path)
  }
  if (outcome.changes.length > 0 && tree.exists('/etc/multipath.conf')) {
    const message = 'multipath is set up for the storage of the old platform; it is not needed for virtual disks and can be disabled'
    outcome.warnings.push({ path: '/etc/multipath.conf', message, weight: 'harmless' })
  }
  return outcome
}

/** The guest's own names of multipath disks, from bindings and the `alias` lines of multipath.conf. */
export function multipathAliases(tree: GuestTree): Set<string> {
  const bindings = entriesOf(tree.read('/etc/multipath/bindings') ?? '').map(line => line.split(/\s+/)[0]!)
  const configured = [...(tree.read('/etc/multipath.conf') ?? '').matchAll(/^[ \t]*alias[ \t]+"?([^"\s#]+)"?/gm)].map(found => found[1]!)
  return new Set([...bindings, ...configured])
}

function entriesOf(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
}
