import type { HostPaths } from './disk-images/host-paths.ts'
import { createDiskImages } from './disk-images/disk-images.ts'
import type { Provider } from './provider.ts'
import { simulator } from './simulator/simulator.ts'

/** Every platform that this release knows. A worker offers those that its configuration names. */
export function createProviders(paths: HostPaths): readonly Provider[] {
  return [createDiskImages(paths), simulator]
}
