import { inspectBoot, type BootFacts } from '../boot/inspect-boot.ts'
import type { OpenGuest } from '../morph.ts'
import { resolverFor } from '../references/fix-references.ts'
import type { FitWorld } from './fit-world.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { attachedDisks } from './attached-disks.ts'
import { stableNames } from './stable-names.ts'
import { bootTarget, efiArchitecture, espMountPoint, rootStack } from './target.ts'

/** What a boot of the guest on its target would meet, with the tree as it is now. `changedFiles`: what images carry stale copies of. */
export function readBootFacts(
  session: FitWorld,
  open: OpenGuest,
  at: { tree: GuestTree; changedFiles: readonly string[] },
): Promise<BootFacts> {
  const { storage, guest, facts } = open
  const esp = espMountPoint(guest)
  const [bootDisk] = storage.disks
  return inspectBoot({
    machine: session.machine,
    tree: at.tree,
    root: guest.at,
    kernels: facts.kernels,
    target: bootTarget(session.request.target, facts),
    stack: rootStack(storage, guest),
    resolve: stableNames(resolverFor(at.tree, attachedDisks(storage))),
    changedFiles: at.changedFiles,
    architecture: efiArchitecture(facts),
    signal: session.signal,
    ...(open.images === undefined ? {} : { images: open.images }),
    ...(bootDisk === undefined ? {} : { bootDisk }),
    ...(esp === undefined ? {} : { esp }),
  })
}
