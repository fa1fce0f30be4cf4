import type { GuestTree } from '../tree/guest-tree.ts'
import { dropDeviceCaches } from './caches.ts'
import { crypttabUses, fixCrypttab } from './crypttab.ts'
import { fixFstab, fstabUses } from './fstab.ts'
import { fixLvmDevices } from './lvm-devices.ts'
import { fixLvmFilters } from './lvm-filter.ts'
import { fixMdadm } from './mdadm.ts'
import { fixMountUnits, mountUnitUses } from './mount-units.ts'
import { fixMultipath, multipathAliases } from './multipath.ts'
import type { Outcome } from './outcome.ts'
import { mergeOutcomes } from './outcome.ts'
import { reportForeignNames } from './reported.ts'
import type { AttachedDisk, DeviceUse, ResolveDevice } from './resolver.ts'
import { createSourceResolver } from './resolver.ts'
import { fixResume, resumeUses } from './resume.ts'

export interface ReferenceContext {
  /** See `resolverFor`. */
  readonly resolve: ResolveDevice
  /** For each LVM physical volume directly on a disk or partition: its names on the new platform (`/dev/vda2`, `/dev/disk/by-partuuid/...`). */
  readonly volumes: readonly (readonly string[])[]
}

/** Makes every reference to the source's devices one that holds on other hardware, where the attached disks prove what it meant. */
export function fixReferences(tree: GuestTree, { resolve, volumes }: ReferenceContext): Outcome {
  const aliases = multipathAliases(tree)
  return mergeOutcomes([
    fixFstab(tree, resolve, aliases),
    fixCrypttab(tree, resolve, aliases),
    fixResume(tree, resolve, aliases),
    fixMountUnits(tree, resolve, aliases),
    fixMdadm(tree),
    fixLvmDevices(tree),
    fixLvmFilters(tree, volumes),
    fixMultipath(tree),
    dropDeviceCaches(tree),
    reportForeignNames(tree),
  ])
}

/** The resolver for a guest: what its tables expect on which device is compared with the attached disks, given in the source's order. */
export function resolverFor(tree: GuestTree, disks: readonly AttachedDisk[]): ResolveDevice {
  return createSourceResolver(disks, deviceUses(tree), multipathAliases(tree))
}

function deviceUses(tree: GuestTree): DeviceUse[] {
  return [...fstabUses(tree), ...crypttabUses(tree), ...resumeUses(tree), ...mountUnitUses(tree)]
}
