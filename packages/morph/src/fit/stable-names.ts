import type { ResolveDevice as ResolveName } from '../boot/loader/cmdline.ts'
import type { ResolveDevice } from '../references/resolver.ts'

/** A resolver for kernel command lines and initramfs files: the source's name of a device to `UUID=…`, or `PARTUUID=…` where it has none. */
export function stableNames(resolve: ResolveDevice): ResolveName {
  return spec => {
    const device = resolve(spec)
    if (device?.uuid !== undefined) return `UUID=${device.uuid}`
    return device?.partuuid === undefined ? undefined : `PARTUUID=${device.partuuid}`
  }
}

/** For entries without an initramfs: the kernel itself knows only PARTUUID. */
export function partitionNames(resolve: ResolveDevice): ResolveName {
  return spec => {
    const uuid = resolve(spec)?.partuuid
    return uuid === undefined ? undefined : `PARTUUID=${uuid}`
  }
}
