import type { GuestTree } from '../tree/guest-tree.ts'
import { DEVICE_CACHES, DEVICE_MAPS, dropDeviceCaches } from './caches.ts'
import { CRYPTTAB, crypttabUses, fixCrypttab } from './crypttab.ts'
import { FSTAB, fixFstab, fstabUses } from './fstab.ts'
import { fixLvmDevices, LVM_DEVICES } from './lvm-devices.ts'
import { fixLvmFilters, LVM_CONFIG_FILES } from './lvm-filter.ts'
import { fixMdadm, MDADM_FILES } from './mdadm.ts'
import { fixMountUnits, mountUnitUses, UNIT_GLOBS } from './mount-units.ts'
import { fixMultipath, MULTIPATH_FILES, multipathAliases } from './multipath.ts'
import type { Outcome } from './outcome.ts'
import { mergeOutcomes } from './outcome.ts'
import { REPORTED_GLOBS, reportForeignNames } from './reported.ts'
import type { AttachedDisk, DeviceUse, ResolveDevice } from './resolver.ts'
import { createSourceResolver } from './resolver.ts'
import { fixResume, RESUME, resumeUses } from './resume.ts'

/** The files that `fixReferences` and `resolverFor` read: paths and globs in the guest. */
export const REFERENCE_PATHS: readonly string[] = [
  FSTAB,
  CRYPTTAB,
  RESUME,
  LVM_DEVICES,
  ...LVM_CONFIG_FILES,
  ...MDADM_FILES,
  ...UNIT_GLOBS,
  ...MULTIPATH_FILES,
  ...DEVICE_CACHES,
  ...DEVICE_MAPS,
  ...REPORTED_GLOBS,
]

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
