import { type BlockDevice } from '../storage/block-device.ts'
import { parseCrypttab } from './crypttab.ts'
import type { Evidence, Subvolume } from './evidence.ts'
import { parseFstab } from './fstab.ts'
import { parseArrays } from './mdadm-conf.ts'
import { resolveSpec, type ResolveContext } from './resolve.ts'

/** A place that may be the guest's root, with the reasons for its score as printed to the user. */
export interface RootCandidate {
  readonly device: BlockDevice
  readonly subvolume?: Subvolume
  readonly score: number
  readonly reasons: readonly string[]
  /** Its own fstab says that "/" is this very filesystem (and subvolume). */
  readonly isSelfReferencing: boolean
  readonly evidence: Evidence
}

export type RootSearch =
  | { readonly kind: 'found'; readonly root: RootCandidate; readonly candidates: readonly RootCandidate[] }
  | { readonly kind: 'none'; readonly candidates: readonly RootCandidate[] }
  | { readonly kind: 'many'; readonly candidates: readonly RootCandidate[] }

/** Points of morphing.md 1.2. */
const POINTS = { release: 4, selfReference: 8, modules: 2, packages: 2, loader: 8, init: 1 } as const
/** Less than a release file and one more sign is no system. */
const MIN_SCORE = 5
/** Self-referencing roots that differ by a boot loader entry are told apart; by less they are not. */
const SELF_MARGIN = POINTS.loader
/** Without a fstab that tells, a root must be ahead by a modules folder at least. */
const MARGIN = POINTS.modules

/** Snapshots and containers: roots inside a root. */
export function isNestedRoot(path: string): boolean {
  return /(^|\/)(\.snapshots|timeshift-btrfs|@?snapshots|@apt-snapshot[^/]*|@\.snapshots)(\/|$)|(^|\/)var\/lib\/(docker|containers|lxc|lxd|machines|portables|containerd)\//.test(
    path,
  )
}

/** Chooses the root by evidence. The same evidence gives the same answer in any order. */
export function chooseRoot(all: readonly Evidence[], devices: readonly BlockDevice[]): RootSearch {
  const loaderLines = all.flatMap(evidence => evidence.loaderLines)
  const candidates = all.map(evidence => scoreRoot(evidence, loaderLines, devices)).filter(isCandidate)
  candidates.sort((a, b) => b.score - a.score || b.evidence.newestLog - a.evidence.newestLog || placeOf(a).localeCompare(placeOf(b)))
  const selfReferencing = candidates.filter(({ isSelfReferencing }) => isSelfReferencing)
  const [first, second] = selfReferencing.length > 0 ? selfReferencing : candidates
  if (!first) return { kind: 'none', candidates }
  const margin = first.isSelfReferencing ? SELF_MARGIN : MARGIN
  if (second && first.score - second.score < margin) return { kind: 'many', candidates }
  return { kind: 'found', root: first, candidates }
}

/** "/dev/sda2" or "/dev/sda2:@": how `--root` names a candidate. */
export function placeOf({ device, subvolume }: Pick<RootCandidate, 'device' | 'subvolume'>): string {
  return subvolume ? `${device.path}:${subvolume.path}` : device.path
}

function isCandidate({ score, evidence, isSelfReferencing }: RootCandidate): boolean {
  return score >= MIN_SCORE && (evidence.hasRelease || isSelfReferencing)
}

function scoreRoot(evidence: Evidence, loaderLines: readonly string[], devices: readonly BlockDevice[]): RootCandidate {
  const { device, subvolume } = evidence
  const context = contextOf(evidence, devices)
  const isSelfReferencing = rootLineFits(evidence, context)
  const entries = loaderLines.filter(line => loaderLineFits(line, evidence, context))
  const signs: [boolean, number, string][] = [
    [evidence.hasRelease, POINTS.release, 'has an os-release or release file'],
    [isSelfReferencing, POINTS.selfReference, 'its fstab names it as /'],
    [entries.length > 0, POINTS.loader, 'a boot loader entry names it as root'],
    [evidence.hasModules, POINTS.modules, 'has kernel modules'],
    [evidence.hasPackages, POINTS.packages, 'has a package database'],
    [evidence.hasInit, POINTS.init, 'has an init'],
  ]
  const found = signs.filter(([isTrue]) => isTrue)
  return {
    device,
    ...(subvolume && { subvolume }),
    score: found.reduce((sum, [, points]) => sum + points, 0),
    reasons: found.map(([, points, reason]) => `+${points} ${reason}`),
    isSelfReferencing,
    evidence,
  }
}

/** How names in the guest's files are read, seen from this root. */
export function contextOf(evidence: Evidence, devices: readonly BlockDevice[]): ResolveContext {
  const group = groupBelow(evidence.device, devices)
  return {
    devices,
    containers: new Map(parseCrypttab(evidence.crypttab ?? '').map(({ name, device }) => [name, device])),
    arrays: parseArrays(evidence.mdadm ?? ''),
    ...(group !== undefined && { preferredGroup: group }),
  }
}

/** The volume group that a device is in or stands on. */
function groupBelow(device: BlockDevice, devices: readonly BlockDevice[], depth = 0): string | undefined {
  if (device.mapping?.volume || depth > 32) return device.mapping?.volume?.groupId
  const below = devices.filter(({ kernelPath }) => device.parents.includes(kernelPath))
  return below.map(parent => groupBelow(parent, devices, depth + 1)).find(id => id !== undefined)
}

function rootLineFits(evidence: Evidence, context: ResolveContext): boolean {
  const line = parseFstab(evidence.fstab ?? '').find(({ class: kind }) => kind === 'root')
  if (!line) return false
  return isDevice(line.spec, evidence, context) && isSubvolume(line.options, evidence.subvolume)
}

function loaderLineFits(line: string, evidence: Evidence, context: ResolveContext): boolean {
  const words = line.split(/[ \t]+/)
  const root = words.map(word => /^(?:kernelopts=)?root=(.+)$/.exec(word)?.[1]).find(Boolean)
  if (root === undefined || !isDevice(root, evidence, context)) return false
  const flags = words.flatMap(word => (/^rootflags=(.+)$/.exec(word)?.[1] ?? '').split(','))
  return isSubvolume(flags, evidence.subvolume)
}

function isDevice(spec: string, { device }: Evidence, context: ResolveContext): boolean {
  const meant = resolveSpec(spec, context)
  return meant.kind === 'device' && meant.device.kernelPath === device.kernelPath
}

function isSubvolume(options: readonly string[], subvolume: Subvolume | undefined): boolean {
  if (!subvolume) return true
  const path = options.find(option => option.startsWith('subvol='))?.slice('subvol='.length)
  if (path !== undefined) return path.replaceAll(/^\/+|\/+$/g, '') === subvolume.path
  const id = options.find(option => option.startsWith('subvolid='))?.slice('subvolid='.length)
  return id === undefined ? subvolume.isDefault : Number(id) === subvolume.id
}
