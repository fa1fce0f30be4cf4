import type { GuestTree } from '../tree/guest-tree.ts'
import type { Architecture } from './architecture.ts'
import { detectArchitecture } from './architecture.ts'
import type { BootLoader } from './boot-loaders.ts'
import { detectBootLoaders } from './boot-loaders.ts'
import type { Distribution } from './distribution.ts'
import { detectDistribution } from './distribution.ts'
import type { FirmwareFact, PartitionFact } from './firmware.ts'
import { detectFirmware } from './firmware.ts'
import type { ImageBased } from './image-based.ts'
import { detectImageBased } from './image-based.ts'
import type { InitSystem } from './init.ts'
import { detectInit } from './init.ts'
import type { InitramfsTool } from './initramfs-tool.ts'
import { detectInitramfsTool } from './initramfs-tool.ts'
import type { Kernel } from './kernels.ts'
import { defaultKernel, detectKernels } from './kernels.ts'
import type { GuestOsType } from './os-type.ts'
import { detectOsType } from './os-type.ts'
import type { PackageDatabase, PackageManager } from './packages.ts'
import { detectPackageDatabase, detectPackageManager } from './packages.ts'
import type { SelinuxState } from './selinux.ts'
import { detectSelinux } from './selinux.ts'
import { isAtLeast } from './version.ts'

/** What is known of the machine from outside its files. */
export interface OutsideFacts {
  /** Of the disks that the guest may boot from. */
  readonly partitions: readonly PartitionFact[]
  /** Firmware by the description of the source machine, where there is one. */
  readonly firmware?: 'bios' | 'uefi'
}

/** Everything that detection finds out about a guest, by evidence on its disks; plain data. */
export interface GuestFacts {
  readonly osType: GuestOsType
  /** For people: "Debian GNU/Linux 12 (bookworm)", "Windows". */
  readonly name: string
  /** Only of a Linux that says what it is. */
  readonly distribution?: Distribution
  readonly architecture?: Architecture
  readonly packageDatabase?: PackageDatabase
  readonly packageManager?: PackageManager
  readonly init: InitSystem
  readonly firmware: FirmwareFact
  /** The likeliest first. */
  readonly bootLoaders: readonly BootLoader[]
  readonly initramfsTool: InitramfsTool
  /** Newest first. */
  readonly kernels: readonly Kernel[]
  /** What boots as far as files tell; the loader's menu knows better. */
  readonly defaultKernel?: Kernel
  readonly selinux: SelinuxState
  readonly imageBased?: ImageBased
  /** The x86-64 level that the system's own programs need; QEMU's default processor is level 1. */
  readonly cpuLevel: 1 | 2 | 3
}

/** Looks at a guest. Never throws for what a guest holds: what cannot be told is left out or "unknown". */
export function detectGuest(tree: GuestTree, outside: OutsideFacts): GuestFacts {
  const distribution = detectDistribution(tree)
  const os = detectOsType(tree, distribution)
  const packageDatabase = detectPackageDatabase(tree)
  const kernels = detectKernels(tree)
  const { partitions, firmware } = outside
  return {
    osType: os.type,
    name: os.name,
    ...given('distribution', distribution),
    ...given('architecture', detectArchitecture(tree)),
    ...given('packageDatabase', packageDatabase),
    ...given('packageManager', detectPackageManager(tree, packageDatabase)),
    init: detectInit(tree),
    firmware: detectFirmware(tree, { partitions, ...given('described', firmware) }),
    bootLoaders: detectBootLoaders(tree),
    initramfsTool: detectInitramfsTool(tree),
    kernels,
    ...given('defaultKernel', defaultKernel(tree, kernels)),
    selinux: detectSelinux(tree),
    ...given('imageBased', detectImageBased(tree, distribution)),
    cpuLevel: cpuLevel(distribution),
  }
}

/** By the vendors' build flags: RHEL 9 and its clones, SLES 16 and Amazon Linux 2023 need x86-64-v2, RHEL 10 needs v3. */
function cpuLevel(distribution: Distribution | undefined): 1 | 2 | 3 {
  if (distribution === undefined || distribution.versionParts.length === 0) return 1
  const { id, family, versionParts } = distribution
  if (id === 'amzn') return isAtLeast(versionParts, [2023]) ? 2 : 1
  if (id === 'fedora') return 1
  if (family === 'redhat') return isAtLeast(versionParts, [10]) ? 3 : isAtLeast(versionParts, [9]) ? 2 : 1
  // Tumbleweed's versions are dates.
  return family === 'suse' && /^(?:sle|sl-micro)/.test(id) && isAtLeast(versionParts, [16]) ? 2 : 1
}

function given<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V })
}

/** What was found, a line each, for people. */
export function describeGuest(facts: GuestFacts): string {
  const { distribution, defaultKernel: kernel, selinux, imageBased } = facts
  const kernels = facts.kernels.map(
    each => `${each.version}${each === kernel ? ' (default)' : ''}${each.hasModuleIndex ? '' : ' (no modules)'}`,
  )
  const lines: [string, string][] = [
    ['system', facts.name],
    ['version', distribution === undefined ? '' : `${distribution.id} ${distribution.version || '(rolling)'}, by ${distribution.source}`],
    [
      'architecture',
      [facts.architecture ?? 'unknown', facts.cpuLevel > 1 ? `needs x86-64-v${facts.cpuLevel}` : ''].filter(Boolean).join(', '),
    ],
    [
      'firmware',
      `${facts.firmware.firmware.toUpperCase()}${facts.firmware.bootsBoth ? ', boots with both' : ''}: ${facts.firmware.reason}`,
    ],
    ['boot loader', facts.bootLoaders.map(each => `${each.kind} (${each.config})`).join(', ') || 'none found'],
    ['kernels', kernels.join(', ') || 'none found'],
    ['initramfs', facts.initramfsTool],
    ['init', facts.init],
    ['packages', [facts.packageManager, facts.packageDatabase?.path].filter(Boolean).join(', ') || 'none found'],
    ['SELinux', selinux.policy === undefined ? selinux.mode : `${selinux.mode}, ${selinux.policy}`],
    ['image-based', imageBased === undefined ? '' : `${imageBased.kind}: ${imageBased.reason}`],
  ]
  return lines
    .filter(([, value]) => value !== '')
    .map(([label, value]) => `${`${label}:`.padEnd(14)}${value}\n`)
    .join('')
}
