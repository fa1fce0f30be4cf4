import { probeAccelerator } from '@instar/machine'
import type { HostPaths } from './host-paths.ts'

/** `auto` is KVM where a guest truly boots under it; the answer is remembered with the appliance. */
export async function chooseAccelerator(wanted: 'auto' | 'kvm' | 'tcg', paths: HostPaths, signal: AbortSignal): Promise<'kvm' | 'tcg'> {
  return wanted === 'auto' ? await probeAccelerator({ ...paths, signal }) : wanted
}
