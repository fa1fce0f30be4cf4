import { InstarError } from '@instar/contract'
import { unfinishedPackages } from '../agents/installed-packages.ts'
import type { PackageManager } from '../detect/packages.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { apk } from './apk.ts'
import { APT_PINS, apt, aptPins } from './apt.ts'
import { dnf, dnf5 } from './dnf.ts'
import type { Manager } from './manager.ts'
import type { OverlayPlace } from './overlay.ts'
import { planOverlay } from './overlay.ts'
import { requirePackageNames } from './package-name.ts'
import { pacman } from './pacman.ts'
import { yum } from './yum.ts'
import { zypper } from './zypper.ts'

export interface PackageRequest {
  /** As detected; undefined where the guest has none. */
  readonly manager: PackageManager | undefined
  readonly install: readonly string[]
  readonly remove: readonly string[]
}

/** The whole of a change of packages as data: nothing else is decided when it runs. */
export interface PackagePlan {
  readonly manager: Manager
  readonly install: readonly string[]
  readonly steps: readonly PackageStep[]
  readonly overlays: readonly PackageOverlay[]
}

export interface PackageStep {
  readonly kind: 'repair' | 'remove' | 'refresh' | 'install'
  /** In the present, for people. */
  readonly sentence: string
  readonly argv: readonly string[]
  readonly needsNetwork: boolean
  readonly timeoutMs: number
}

export interface PackageOverlay {
  readonly place: OverlayPlace
  readonly mode: number
  /** `resolver`: the minion's own /etc/resolv.conf at the time of the run. */
  readonly content: string | { readonly from: 'resolver' }
}

const MANAGERS: ReadonlyMap<PackageManager, Manager> = new Map([
  ['apt', apt],
  ['dnf', dnf],
  ['dnf5', dnf5],
  ['yum', yum],
  ['zypper', zypper],
  ['apk', apk],
  ['pacman', pacman],
])

const KERNEL = /^(?:kernel|linux(?:-|$))/
const MINUTE_MS = 60_000
/** Maintainer scripts of an emulated processor take minutes where a real one takes seconds. */
const TIMEOUTS_MS = { repair: 20 * MINUTE_MS, remove: 20 * MINUTE_MS, refresh: 10 * MINUTE_MS, install: 40 * MINUTE_MS } as const

/**
 * Plans the change of packages that was asked for; undefined when none was. Removals come first and need no network. Throws
 * `usage.bad-argument` for what is no package name, `packages.unsupported` where the guest's packages cannot be changed offline.
 */
export function planPackages(tree: GuestTree, request: PackageRequest): PackagePlan | undefined {
  const names = [...request.install, ...request.remove]
  if (names.length === 0) return undefined
  requirePackageNames(names)
  const manager = request.manager === undefined ? undefined : MANAGERS.get(request.manager)
  if (manager === undefined) {
    const what =
      request.manager === undefined ? 'the guest has no package manager' : `packages of ${request.manager} are not changed offline`
    throw new InstarError('packages.unsupported', `cannot change ${names.join(', ')}: ${what}`, { details: { manager: request.manager } })
  }
  const keepKernels = !request.install.some(name => KERNEL.test(name))
  return {
    manager,
    install: request.install,
    steps: planSteps(tree, manager, request, keepKernels),
    overlays: planOverlays(tree, manager, keepKernels),
  }
}

function planSteps(tree: GuestTree, manager: Manager, { install, remove }: PackageRequest, keepKernels: boolean): PackageStep[] {
  const unfinished = manager.repair === undefined ? [] : unfinishedPackages(tree)
  const step = (kind: PackageStep['kind'], sentence: string, argv: readonly string[] | undefined): PackageStep[] =>
    argv === undefined
      ? []
      : [{ kind, sentence, argv, needsNetwork: kind === 'refresh' || kind === 'install', timeoutMs: TIMEOUTS_MS[kind] }]
  return [
    ...(unfinished.length > 0
      ? step('repair', `Finishing the interrupted set-up of ${unfinished.slice(0, 5).join(', ')}`, manager.repair)
      : []),
    ...(remove.length > 0 ? step('remove', `Removing ${remove.join(', ')}`, manager.remove(remove)) : []),
    ...(install.length > 0 ? step('refresh', 'Fetching the package indexes', manager.refresh) : []),
    ...(install.length > 0 ? step('install', `Installing ${install.join(', ')}`, manager.install(install, { keepKernels })) : []),
  ]
}

function planOverlays(tree: GuestTree, manager: Manager, keepKernels: boolean): PackageOverlay[] {
  const overlay = (path: string, mode: number, content: PackageOverlay['content']): PackageOverlay[] => {
    const place = planOverlay(tree, path)
    return place === undefined ? [] : [{ place, mode, content }]
  }
  const isUpstart = tree.stat('/sbin/initctl')?.kind === 'file'
  return [
    ...overlay('/etc/resolv.conf', 0o644, { from: 'resolver' }),
    // 101: an action is forbidden by policy (invoke-rc.d). No daemon of the guest starts on the minion.
    ...(manager === apt ? overlay('/usr/sbin/policy-rc.d', 0o755, '#!/bin/sh\nexit 101\n') : []),
    ...(isUpstart ? overlay('/sbin/initctl', 0o755, '#!/bin/sh\nexit 0\n') : []),
    ...(manager === apt && keepKernels ? overlay(APT_PINS, 0o644, aptPins(tree.read('/etc/apt/preferences') ?? '')) : []),
  ]
}
