import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import { childrenOf, type BlockDevice } from './block-device.ts'
import { lookAtDisks } from './look.ts'
import { deactivateGroup, type LvmScope, type VolumeGroup } from './lvm.ts'

interface Close {
  readonly machine: Machine
  readonly disks: readonly string[]
  readonly groups: readonly VolumeGroup[]
  readonly env: Readonly<Record<string, string>>
}

/** After a cancel the caller's signal is spent; closing has its own limit. */
const CLOSE_TIMEOUT_MS = 60_000
const RETRY_MS = 250
const ATTEMPTS_WITHOUT_PROGRESS = 4

/**
 * Takes away everything that stands on the disks, from the top: volumes, containers, arrays, also those that scripts or the minion's own
 * udev opened. Looks again after each round, as a layer sets free the one below. Throws `storage.busy` when something stays.
 */
export async function closeLayers(close: Close): Promise<void> {
  const signal = AbortSignal.timeout(CLOSE_TIMEOUT_MS)
  let complaint = ''
  let before = Infinity
  for (let failures = 0; failures < ATTEMPTS_WITHOUT_PROGRESS;) {
    const { devices, hasUdev } = await lookAtDisks(close.machine, close.disks, signal)
    if (failures === 0) await releaseMounts(devices, { ...close, signal })
    const layers = devices.filter(isLayer)
    if (layers.length === 0) return
    if (layers.length >= before) {
      failures++
      await sleep(RETRY_MS, undefined, { signal })
    }
    before = layers.length
    complaint = await closeTop(layers, devices, { ...close, hasUdev, signal })
  }
  throw new InstarError('storage.busy', `the layers on ${close.disks.join(', ')} cannot be closed: ${complaint}`)
}

/** What scripts mounted or switched on and left. Failures show when the layer below does not close. */
async function releaseMounts(
  devices: readonly BlockDevice[],
  { machine, signal }: { machine: Machine; signal: AbortSignal },
): Promise<void> {
  for (const { mountPoint, kernelPath } of devices) {
    if (mountPoint === '[SWAP]') await machine.run(['swapoff', kernelPath], { signal })
    else if (mountPoint !== undefined) await machine.run(['umount', '--all-targets', kernelPath], { signal })
  }
}

function isLayer({ kind }: BlockDevice): boolean {
  return kind !== 'disk' && kind !== 'partition'
}

/** One round: what has nothing above it. Returns the last complaint. */
async function closeTop(layers: readonly BlockDevice[], devices: readonly BlockDevice[], scope: Close & LvmScope): Promise<string> {
  let complaint = ''
  const top = layers.filter(layer => childrenOf(layer, devices).length === 0)
  const groups = new Set(top.flatMap(({ mapping }) => mapping?.volume?.groupId ?? []))
  for (const group of scope.groups.filter(({ id }) => groups.has(id))) complaint = (await deactivateGroup(group, scope)) ?? complaint
  const known = new Set(scope.groups.map(({ id }) => id))
  for (const device of top) {
    const groupId = device.mapping?.volume?.groupId
    if (groupId === undefined || !known.has(groupId)) complaint = (await closeOne(device, scope)) ?? complaint
  }
  return complaint
}

async function closeOne(device: BlockDevice, { machine, env, signal }: LvmScope): Promise<string | undefined> {
  const argv = device.mapping ? ['dmsetup', 'remove', '--retry', device.mapping.name] : ['mdadm', '--stop', device.kernelPath]
  const result = await machine.run(argv, { signal, env })
  return result.exitCode === 0 ? undefined : `${device.path}: ${result.stderrTail.trim()}`
}
