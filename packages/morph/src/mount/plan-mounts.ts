import type { BlockDevice } from '../storage/block-device.ts'
import type { LockedContainer } from '../storage/storage.ts'
import { contextOf, type RootCandidate } from './choose-root.ts'
import { MOUNTABLE } from './evidence.ts'
import { depthOf, parseFstab, type FstabLine } from './fstab.ts'
import { resolveSpec } from './resolve.ts'

/** What is to happen to one line of the guest's fstab. */
export type PlannedLine =
  | { readonly kind: 'mount'; readonly line: FstabLine; readonly device: BlockDevice; readonly isGuess: boolean }
  | { readonly kind: 'skip'; readonly line: FstabLine; readonly reason: string }
  | { readonly kind: 'missing'; readonly line: FstabLine; readonly reason: string; readonly locked?: LockedContainer }

/**
 * Plans the mounts of the chosen root: its fstab by depth, parents first, lines of one depth in the order of the file; then the lines that
 * are not mounted, with the reason.
 */
export function planMounts(root: RootCandidate, devices: readonly BlockDevice[], locked: readonly LockedContainer[]): PlannedLine[] {
  const lines = parseFstab(root.evidence.fstab ?? '')
  const context = contextOf(root.evidence, devices)
  const planned = lines.map(line => planLine(line, root, { ...context, locked }))
  return planned.toSorted((a, b) => depthOf(a.line.mountPoint) - depthOf(b.line.mountPoint) || a.line.number - b.line.number)
}

type PlanContext = ReturnType<typeof contextOf> & { locked: readonly LockedContainer[] }

const SKIPPED: Partial<Record<FstabLine['class'], string>> = {
  root: 'the root is mounted already',
  pseudo: 'it is no filesystem on a disk',
  swap: 'swap is not needed',
  network: 'it is on the network',
  duplicate: 'an earlier line has this mount point',
  nonsense: 'it is no valid line',
}

function planLine(line: FstabLine, root: RootCandidate, context: PlanContext): PlannedLine {
  const reason = SKIPPED[line.class]
  if (reason !== undefined) return { kind: 'skip', line, reason }
  const meant = resolveSpec(line.spec, context)
  if (meant.kind === 'many') {
    return { kind: 'missing', line, reason: `${line.spec} may be ${meant.devices.map(({ path }) => path).join(' or ')}` }
  }
  if (meant.kind === 'none') {
    const container = lockedFor(line, context)
    const reason = container ? `${meant.reason}; ${container.message}` : meant.reason
    return { kind: 'missing', line, reason, ...(container && { locked: container }) }
  }
  const type = meant.device.content?.type
  if (type === undefined || !MOUNTABLE.has(type)) {
    const container = context.locked.find(({ uuid }) => uuid === meant.device.content?.uuid)
    const reason = container?.message ?? `${meant.device.path} holds ${type ?? 'no filesystem'}, which is not mounted here`
    return { kind: 'missing', line, reason, ...(container && { locked: container }) }
  }
  const isRoot = meant.device.kernelPath === root.device.kernelPath && type !== 'btrfs'
  if (isRoot) return { kind: 'skip', line, reason: 'it is the root itself' }
  return { kind: 'mount', line, device: meant.device, isGuess: meant.isGuess }
}

/** The closed container that hides what a line asks for, if the guest's crypttab or, with one container only, the case itself tells. */
function lockedFor(line: FstabLine, { locked, containers, devices }: PlanContext): LockedContainer | undefined {
  const name = /^\/dev\/mapper\/(.+)$/.exec(line.spec)?.[1]
  const source = name === undefined ? undefined : containers?.get(name)
  const below = source === undefined ? undefined : resolveSpec(source, { devices })
  if (below?.kind === 'device') return locked.find(({ uuid }) => uuid === below.device.content?.uuid)
  return locked.length === 1 ? locked[0] : undefined
}
