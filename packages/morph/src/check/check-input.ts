import type { BootFacts } from '../boot/inspect-boot.ts'
import type { Bus } from '../boot/kernel/needs.ts'
import type { GuestFacts } from '../detect/detect.ts'
import type { GuestTree } from '../tree/guest-tree.ts'

/** All that the verdict looks at, as plain data: gathered by the caller, never from a running guest. */
export interface CheckInput {
  readonly tree: GuestTree
  readonly target: CheckTarget
  readonly guest: Pick<GuestFacts, 'osType' | 'name' | 'firmware' | 'initramfsTool' | 'cpuLevel'>
  /** By which names the mounted root can be asked for; the device names of the source that mean it. */
  readonly root: RootNames
  readonly boot: BootFacts
  readonly filesystems: readonly FilesystemFact[]
  /** What the guest's tables name and nobody found, from the mount and from the fitting of references. */
  readonly references: readonly ReferenceFact[]
}

export interface CheckTarget {
  readonly bus: Bus
  readonly firmware: 'bios' | 'uefi'
  /** x86-64 level of the processor that the machine will see; absent = not known. */
  readonly cpuLevel?: 1 | 2 | 3 | 4
}

export interface RootNames {
  readonly uuid?: string
  readonly partuuid?: string
  readonly label?: string
}

export interface FilesystemFact {
  /** Mount point in the guest. */
  readonly at: string
  readonly type: string
  readonly freeBytes: number
  readonly sizeBytes: number
  /** Absent where the file system does not count them. */
  readonly freeInodes?: number
  readonly state?: 'clean' | 'repaired' | 'unknown' | 'damaged'
}

export interface ReferenceFact {
  readonly path: string
  readonly message: string
  readonly weight: 'fatal' | 'degraded' | 'harmless'
  readonly isFixedByMorph: boolean
}
