import { InstarError, type Emit } from '@instar/contract'
import type { Machine } from '@instar/machine'
import { findEsps, type BlockDevice } from '../storage/block-device.ts'
import { runStep } from '../step.ts'
import type { Storage } from '../storage/storage.ts'
import { checkFilesystems, type FilesystemState } from './check-filesystems.ts'
import { contextOf, type RootCandidate } from './choose-root.ts'
import { isMapperName, parseCrypttab } from './crypttab.ts'
import { findRoot, lockedError } from './find-root.ts'
import { parseFstab, type FstabLine } from './fstab.ts'
import { mountOne, type GuestMount } from './mount-one.ts'
import { morphOptions } from './mount-options.ts'
import { planMounts, type PlannedLine } from './plan-mounts.ts'
import { resolveSpec } from './resolve.ts'
import { unmountTree } from './unmount.ts'

interface MountGuestOptions {
  /** Chooses the root: a device by any name, or `DEVICE:SUBVOLUME`. */
  readonly root?: string
  /** Folder on the machine that becomes the root; made if need be, removed at the end. */
  readonly at: string
  readonly signal: AbortSignal
  readonly emit: Emit
}

/** The guest's filesystems, mounted read-write below `at`. Disposing unmounts them and throws `morph.busy` when something holds them. */
export interface MountedGuest extends AsyncDisposable {
  readonly at: string
  readonly root: RootCandidate
  readonly candidates: readonly RootCandidate[]
  /** The root first. */
  readonly mounts: readonly GuestMount[]
  readonly fstab: readonly FstabVerdict[]
  readonly states: readonly FilesystemState[]
  readonly warnings: readonly string[]
  /** EFI system partitions on the disks, mounted or not. */
  readonly esps: readonly BlockDevice[]
}

/** What became of a line of the guest's fstab. `degraded`: the guest may miss it; the morph goes on. */
export interface FstabVerdict {
  readonly line: FstabLine
  readonly outcome: 'mounted' | 'skipped' | 'missing' | 'failed'
  readonly severity: 'harmless' | 'degraded'
  readonly reason: string
}

/**
 * Finds the guest's root, replays journals, and mounts the guest by its own fstab, parents first, every mount point resolved inside the
 * guest. A line for /usr, /var, /boot or the ESP that cannot be mounted ends it (`morph.mount-missing`); others are warnings.
 */
export async function mountGuest(machine: Machine, storage: Storage, options: MountGuestOptions): Promise<MountedGuest> {
  const { signal, emit, at } = options
  const found = await runStep(emit, 'Finding the installed system', () => findRoot(machine, storage, { wanted: options.root, signal }))
  const root = await takeGuestNames(storage, found.root, signal)
  const devices = storage.devices.filter(({ kernelPath }) => !storage.snapshots.has(kernelPath))
  const plan = planMounts(root, devices, storage.locked)
  refuseMissing(plan)

  const planned = plan.flatMap(entry => (entry.kind === 'mount' ? [entry.device] : []))
  const checked = [...new Set([root.device, ...planned])]
  const states = await runStep(emit, 'Checking file systems', () => checkFilesystems(machine, checked, signal))

  await using undo = new AsyncDisposableStack()
  undo.defer(() => unmountTree(machine, at))
  const mounting = new Mounting(machine, { ...options, states })
  await runStep(emit, 'Mounting file systems', async () => {
    await mounting.mountRoot(root)
    for (const entry of plan) await mounting.mountLine(entry)
    await mounting.mountUnlistedEsp(findEsps(devices), plan)
  })

  const release = undo.move()
  const { mounts, fstab, warnings } = mounting
  return {
    at,
    root,
    candidates: found.candidates,
    mounts,
    fstab,
    warnings,
    states: [...states.values()],
    esps: findEsps(devices),
    [Symbol.asyncDispose]: () => release.disposeAsync(),
  }
}

/** Gives mappings the names of the guest's crypttab and, of two groups of one name, the plain names to the root's: its tools see both. */
async function takeGuestNames(storage: Storage, root: RootCandidate, signal: AbortSignal): Promise<RootCandidate> {
  const { preferredGroup } = contextOf(root.evidence, storage.devices)
  if (preferredGroup !== undefined) await storage.preferGroup(preferredGroup, signal)
  for (const { name, device } of parseCrypttab(root.evidence.crypttab ?? '')) {
    const container = resolveSpec(device, { devices: storage.devices })
    if (container.kind !== 'device' || !isMapperName(name)) continue
    const opened = storage.devices.find(({ kind, parents }) => kind === 'crypt' && parents.includes(container.device.kernelPath))
    if (opened?.mapping) await storage.renameMapping(opened.mapping.name, name, signal)
  }
  const device = storage.devices.find(({ kernelPath }) => kernelPath === root.device.kernelPath) ?? root.device
  return { ...root, device }
}

/** Before anything is written: a disk or key that was forgotten must not cost a check and a mount first. */
function refuseMissing(plan: readonly PlannedLine[]): void {
  const missing = plan.find(entry => entry.kind === 'missing' && entry.line.class === 'needed')
  if (missing?.kind !== 'missing') return
  const message = missingMessage(missing.line, missing.reason)
  throw missing.locked ? lockedError(missing.locked, message) : new InstarError('morph.mount-missing', message)
}

function missingMessage(line: FstabLine, reason: string): string {
  return `${line.mountPoint} of the guest cannot be mounted: line ${line.number} of its /etc/fstab (${line.text.trim()}): ${reason}`
}

type MountingOptions = MountGuestOptions & { states: ReadonlyMap<string, FilesystemState> }

class Mounting {
  readonly mounts: GuestMount[] = []
  readonly fstab: FstabVerdict[] = []
  readonly warnings: string[] = []
  readonly #machine: Machine
  readonly #options: MountingOptions

  constructor(machine: Machine, options: MountingOptions) {
    this.#machine = machine
    this.#options = options
  }

  async mountRoot(root: RootCandidate): Promise<void> {
    const { device, subvolume, evidence } = root
    const damage = this.#damageOf(device)
    if (damage !== undefined) throw new InstarError('morph.damaged-filesystem', `the root on ${device.path} is damaged: ${damage}`)
    const line = parseFstab(evidence.fstab ?? '').find(({ class: kind }) => kind === 'root')
    const given = (line?.options ?? []).filter(option => !option.startsWith('subvol'))
    const place = subvolume ? [`subvolid=${subvolume.id}`] : []
    const failure = await this.#mount(device, '/', { options: [...given, ...place] })
    if (failure) throw new InstarError(failure.code, `the root on ${device.path} cannot be used: ${failure.message}`)
    if (evidence.fstab === undefined) this.#warn('the guest has no /etc/fstab: only its root is mounted')
  }

  async mountLine(entry: PlannedLine): Promise<void> {
    const { line } = entry
    if (entry.kind === 'skip') {
      const severity = ['duplicate', 'nonsense'].includes(line.class) ? 'degraded' : 'harmless'
      this.#judge({ line, outcome: 'skipped', severity, reason: entry.reason })
      return
    }
    if (entry.kind === 'missing') return this.#judge({ line, outcome: 'missing', severity: 'degraded', reason: entry.reason })
    const damage = this.#damageOf(entry.device)
    const failure =
      damage === undefined
        ? await this.#mount(entry.device, line.mountPoint, line)
        : { code: 'morph.damaged-filesystem' as const, message: `${entry.device.path} is damaged: ${damage}` }
    if (failure && line.class === 'needed') throw new InstarError(failure.code, missingMessage(line, failure.message))
    if (failure) return this.#judge({ line, outcome: 'failed', severity: 'degraded', reason: failure.message })
    const how = entry.isGuess ? ' (taken by the order of the disks)' : ''
    this.#judge({ line, outcome: 'mounted', severity: 'harmless', reason: `${entry.device.path}${how}` })
  }

  /** Without a line in fstab systemd mounts the ESP by its type at /efi or /boot; a boot loader change needs it where the guest has it. */
  async mountUnlistedEsp(esps: readonly BlockDevice[], plan: readonly PlannedLine[]): Promise<void> {
    const isListed = plan.some(
      ({ line }) => ['/boot/efi', '/efi'].includes(line.mountPoint) || (line.mountPoint === '/boot' && line.type === 'vfat'),
    )
    const usable = esps.filter(({ content }) => content?.type === 'vfat')
    if (isListed || usable.length !== 1) return
    const test = 'for p in /boot/efi /efi; do [ -d "$1$p" ] && [ ! -L "$1$p" ] && [ ! -L "$1/boot" ] && echo $p && exit; done'
    const { signal, at } = this.#options
    const result = await this.#machine.run(['sh', '-c', test, 'test', at], { signal, captureBytes: 100 })
    const mountPoint = result.stdout.toString().trim()
    if (mountPoint === '') return
    const failure = await this.#mount(usable[0]!, mountPoint, { options: [] })
    if (failure) this.#warn(`the EFI system partition ${usable[0]!.path} cannot be mounted: ${failure.message}`)
  }

  async #mount(device: BlockDevice, mountPoint: string, from: { options: readonly string[] }) {
    const { at, signal } = this.#options
    const fsType = device.content?.type ?? 'auto'
    const { options, notes } = morphOptions(from.options, fsType)
    for (const note of notes) this.#warn(`${mountPoint} is ${note}`)
    const result = await mountOne(this.#machine, { root: at, mountPoint, device: device.path, fsType, options }, signal)
    if (result.kind !== 'mounted') {
      const code = result.kind === 'failed' ? ('morph.mount-missing' as const) : ('morph.not-writable' as const)
      return { code, message: result.message }
    }
    const { resolved } = result
    const uuid = device.content?.uuid
    const path = resolved === '/' ? at : `${at}${resolved}`
    this.mounts.push({
      device: device.path,
      kernelPath: device.kernelPath,
      fsType,
      mountPoint,
      resolved,
      path,
      options,
      ...(uuid && { uuid }),
    })
    return undefined
  }

  #damageOf({ kernelPath }: BlockDevice): string | undefined {
    const state = this.#options.states.get(kernelPath)
    return state?.state === 'damaged' ? state.message : undefined
  }

  #judge(verdict: FstabVerdict): void {
    this.fstab.push(verdict)
    if (verdict.severity === 'degraded')
      this.#warn(`line ${verdict.line.number} of /etc/fstab (${verdict.line.text.trim()}): ${verdict.reason}`)
  }

  #warn(message: string): void {
    this.warnings.push(message)
    this.#options.emit({ kind: 'warning', message })
  }
}
