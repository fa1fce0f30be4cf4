import type { EfiArchitecture } from '../boot/uefi/architectures.ts'
import type { RootStack } from '../boot/kernel/needs.ts'
import type { GuestFacts } from '../detect/detect.ts'
import type { MountedGuest } from '../mount/mount-guest.ts'
import type { MorphTarget } from '../request.ts'
import type { BlockDevice } from '../storage/block-device.ts'
import type { Storage } from '../storage/storage.ts'

/** What the guest's boot must find on the new platform. */
export function bootTarget(
  target: MorphTarget,
  facts: GuestFacts,
): { readonly bus: MorphTarget['bus']; readonly firmware: 'bios' | 'uefi' } {
  return { bus: target.bus, firmware: target.firmware ?? facts.firmware.firmware }
}

const LAYERS: Readonly<Partial<Record<BlockDevice['kind'], RootStack['layers'][number]>>> = { crypt: 'luks', lv: 'lvm', md: 'md' }

/** What lies between the disks and the mounted root: file system and layers. */
export function rootStack(storage: Storage, { root }: MountedGuest): RootStack {
  const layers = new Set<RootStack['layers'][number]>()
  const visit = (device: BlockDevice, depth: number): void => {
    const layer = LAYERS[device.kind]
    if (layer !== undefined) layers.add(layer)
    if (depth > 32) return
    for (const parent of storage.devices.filter(({ kernelPath }) => device.parents.includes(kernelPath))) visit(parent, depth + 1)
  }
  visit(root.device, 0)
  return { filesystem: root.device.content?.type ?? 'unknown', layers: [...layers] }
}

/** Where the guest mounts its EFI system partition, or `undefined` when it has none mounted. */
export function espMountPoint({ mounts, esps }: MountedGuest): string | undefined {
  return mounts.find(({ kernelPath }) => esps.some(esp => esp.kernelPath === kernelPath))?.resolved
}

/** The architecture in UEFI's terms; what UEFI does not know is taken for x86-64, the only one that is morphed. */
export function efiArchitecture({ architecture }: GuestFacts): EfiArchitecture {
  if (architecture === 'i686') return 'i386'
  return architecture === 'aarch64' || architecture === 'riscv64' ? architecture : 'x86_64'
}
