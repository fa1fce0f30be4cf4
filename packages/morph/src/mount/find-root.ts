import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import { filesystemsOf, type BlockDevice } from '../storage/block-device.ts'
import { namesOfDevice } from '../storage/device-names.ts'
import type { LockedContainer, Storage } from '../storage/storage.ts'
import { chooseRoot, placeOf, type RootCandidate } from './choose-root.ts'
import { gatherEvidence, type Gathered } from './gather-evidence.ts'
import { resolveSpec } from './resolve.ts'

/** The chosen root with all that competed. */
export interface FoundRoot {
  readonly root: RootCandidate
  readonly candidates: readonly RootCandidate[]
  readonly unreadable: Gathered['unreadable']
}

/**
 * Looks into all filesystems and chooses the root, or takes the one that `wanted` names: a device or `DEVICE:SUBVOLUME`. Throws
 * `morph.hibernated`, `morph.no-root`, `guest.unsupported` (Windows), `morph.many-roots`, and `storage.locked` or `storage.wrong-key` when a closed container may hide it.
 */
export async function findRoot(
  machine: Machine,
  storage: Storage,
  { wanted, signal }: { wanted?: string | undefined; signal: AbortSignal },
): Promise<FoundRoot> {
  refuseHibernated(storage.devices)
  const devices = storage.devices.filter(({ kernelPath }) => !storage.snapshots.has(kernelPath))
  const filesystems = filesystemsOf(devices)
  const { evidence, unreadable, windows } = await gatherEvidence(machine, filesystems, signal)
  if (wanted !== undefined) return { ...takeWanted(wanted, chooseAll(evidence, devices), devices), unreadable }
  const search = chooseRoot(evidence, devices)
  switch (search.kind) {
    case 'found':
      return { root: search.root, candidates: search.candidates, unreadable }
    case 'many':
      throw manyRoots(search.candidates)
    case 'none':
      refuseWindows(windows, storage.devices)
      throw noRoot(storage, filesystems, unreadable)
  }
}

/** A machine that sleeps on disk holds the state of its filesystems in memory: writing now destroys them when it wakes. */
function refuseHibernated(devices: readonly BlockDevice[]): void {
  const asleep = devices.find(({ content }) => content?.type === 'swsuspend')
  if (asleep) throw new InstarError('morph.hibernated', `${asleep.path} holds the image of a hibernated system`)
}

function refuseWindows(windows: readonly BlockDevice[], devices: readonly BlockDevice[]): void {
  const place = windows[0] ?? devices.find(({ content }) => content?.type === 'BitLocker')
  if (place) throw new InstarError('guest.unsupported', `${place.path} holds Windows (${place.content?.type}), which is not morphed yet`)
}

/** With a root by name every place is eligible, however it scores. */
function chooseAll(evidence: Gathered['evidence'], devices: readonly BlockDevice[]): RootCandidate[] {
  const scored = chooseRoot(evidence, devices).candidates
  const others = evidence.filter(one => !scored.some(candidate => candidate.evidence === one))
  return [
    ...scored,
    ...others.map(one => ({
      device: one.device,
      ...(one.subvolume && { subvolume: one.subvolume }),
      score: 0,
      reasons: ['named by --root'],
      isSelfReferencing: false,
      evidence: one,
    })),
  ]
}

function takeWanted(wanted: string, candidates: readonly RootCandidate[], devices: readonly BlockDevice[]) {
  const [, spec = wanted, path] = /^(.*?)(?::([^:]*))?$/s.exec(wanted) ?? []
  const fits = ({ device, subvolume }: RootCandidate): boolean => {
    const meant = resolveSpec(spec, { devices })
    const isDevice = namesOfDevice(device, devices).has(spec) || (meant.kind === 'device' && meant.device.kernelPath === device.kernelPath)
    const isPlace = path === undefined ? (subvolume?.isDefault ?? true) : subvolume?.path === path.replaceAll(/^\/+|\/+$/g, '')
    return isDevice && isPlace
  }
  const [root] = candidates.filter(fits)
  if (root) return { root, candidates }
  const places = candidates.map(placeOf).join(', ') || 'none'
  throw new InstarError('morph.no-root', `--root ${wanted} is no filesystem on these disks; there are: ${places}`)
}

function manyRoots(candidates: readonly RootCandidate[]): InstarError {
  const shown = candidates.map(candidate => `${placeOf(candidate)} (score ${candidate.score}: ${candidate.reasons.join(', ')})`)
  return new InstarError('morph.many-roots', `several systems could be the root: ${shown.join('; ')}`, {
    details: { candidates: candidates.map(candidate => ({ place: placeOf(candidate), score: candidate.score })) },
  })
}

function noRoot(storage: Storage, filesystems: readonly BlockDevice[], unreadable: Gathered['unreadable']): InstarError {
  const [locked] = storage.locked
  if (locked) return lockedError(locked, `no installed system was found, and ${locked.message}`)
  const seen = filesystems.map(({ path, content }) => `${path} (${content?.type})`).join(', ') || 'no filesystem at all'
  const failed = unreadable.map(({ device, reason }) => `; ${device.path}: ${reason}`).join('')
  return new InstarError('morph.no-root', `no installed Linux on ${storage.disks.join(', ')}: found ${seen}${failed}`, {
    details: { warnings: storage.warnings },
  })
}

/** The error for a container that turned out to be needed, with the flag to give. */
export function lockedError(container: LockedContainer, message: string): InstarError {
  const codes = { 'no-key': 'storage.locked', 'wrong-key': 'storage.wrong-key', unsupported: 'storage.unsupported-luks' } as const
  const options = { details: { uuid: container.uuid, device: container.device } }
  const hint = `Give its key with --key ${container.uuid}:file:PATH or --key ${container.uuid}:text:TEXT, or open it in a pre-mount script.`
  return new InstarError(codes[container.reason], message, container.reason === 'unsupported' ? options : { ...options, hint })
}
