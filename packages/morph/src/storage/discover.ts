import { InstarError, type Emit } from '@instar/contract'
import type { Machine } from '@instar/machine'
import { childrenOf, type BlockDevice } from './block-device.ts'
import { closeLayers } from './close.ts'
import { namesOfDevice } from './device-names.ts'
import { GroupNames } from './group-names.ts'
import { selectorName, type LuksKey } from './keys.ts'
import { lookAtDisks } from './look.ts'
import { openContainer } from './luks.ts'
import { activateGroup, readGroups, readSnapshots, type LvmScope, type VolumeGroup } from './lvm.ts'
import { assembleArray, findArrays, freeArrayNode } from './md.ts'
import type { LockedContainer, Storage } from './storage.ts'
import { sweepHeaders } from './volume-key.ts'

interface DiscoverOptions {
  /** Devices of the machine, boot disk first. Nothing else is touched. */
  readonly disks: readonly string[]
  readonly keys: readonly LuksKey[]
  readonly signal: AbortSignal
  readonly emit: Emit
}

/** Deeper stacking than any real machine has; a loop of layers is not possible in the kernel, but a long chain is. */
const MAX_ROUNDS = 16
/** Mount points that only the machine's own disks can have. */
const OWN_MOUNT_POINTS = new Set(['/', '/boot', '/boot/efi', '/usr', '/var', '/home', '[SWAP]'])

/**
 * Opens all layers on the given disks, in any stacking: arrays, LUKS containers, volume groups, until nothing new appears. What a
 * pre-mount script has opened already is found and used. Disposing closes it all.
 *
 * Throws `storage.missing-disk`, `storage.in-use`, `storage.wrong-key`; a layer that cannot be opened is a warning or a locked container
 * otherwise, as only the mount knows whether it is needed.
 */
export async function discoverStorage(machine: Machine, options: DiscoverOptions): Promise<Storage> {
  const discovery = new Discovery(machine, options)
  // Nothing is open yet: a disk that is refused here must not be closed either.
  await discovery.start()
  await using undo = new AsyncDisposableStack()
  undo.use(discovery)
  for (let round = 0; round < MAX_ROUNDS; round++) if (!(await discovery.openNextLayers())) break
  await discovery.finish()
  undo.move()
  return discovery
}

class Discovery implements Storage {
  devices: readonly BlockDevice[] = []
  volumeGroups: VolumeGroup[] = []
  readonly locked: LockedContainer[] = []
  readonly warnings: string[] = []
  readonly snapshots = new Set<string>()
  readonly disks: readonly string[]
  readonly #machine: Machine
  readonly #options: DiscoverOptions
  readonly #tried = new Set<string>()
  #hasUdev = false

  constructor(machine: Machine, options: DiscoverOptions) {
    this.#machine = machine
    this.#options = options
    this.disks = options.disks
  }

  async start(): Promise<void> {
    await this.#look()
    const own = this.devices.find(({ mountPoint }) => mountPoint !== undefined && OWN_MOUNT_POINTS.has(mountPoint))
    if (own) throw new InstarError('storage.in-use', `${own.path} is in use by ${this.#machine.name} itself, at ${own.mountPoint}`)
    if (this.#machine.isEmulated) await sweepHeaders()
  }

  /** True when something new was opened. Each kind looks again by itself when it opened something. */
  async openNextLayers(): Promise<boolean> {
    const opened = [await this.#openArrays(), await this.#openContainers(), await this.#openGroups(group => !group.isPartial)]
    if (opened.some(count => count > 0)) return true
    // What is still not whole stays so: the missing part is in no layer that could be opened.
    return (await this.#openGroups(() => true)) > 0
  }

  async finish(): Promise<void> {
    const spread = this.devices.filter(({ content }) => content?.type === 'btrfs')
    const several = [...Map.groupBy(spread, ({ content }) => content?.uuid).values()].filter(group => group.length > 1)
    if (several.length > 0) await this.#run(['btrfs', 'device', 'scan', ...several.flat().map(({ kernelPath }) => kernelPath)])
    for (const { selector } of this.#options.keys) {
      const name = selectorName(selector)
      const fits = (device: BlockDevice): boolean => device.content?.type === 'crypto_LUKS' && namesOfDevice(device, this.devices).has(name)
      if (selector !== 'all' && !this.devices.some(fits)) this.#warn(`--key ${selector} fits no LUKS container on these disks`)
    }
  }

  async renameMapping(from: string, to: string, signal: AbortSignal): Promise<boolean> {
    if (from === to || this.devices.some(({ mapping }) => mapping?.name === to)) return from === to
    const result = await this.#run(['dmsetup', 'rename', from, to], signal)
    if (result.exitCode === 0) await this.#look(signal)
    return result.exitCode === 0
  }

  async preferGroup(groupId: string, signal: AbortSignal): Promise<void> {
    const names = new GroupNames(this.devices, (from, to) => this.#rename(from, to, signal))
    if (await names.giveTo(groupId)) await this.#look(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const close = { machine: this.#machine, disks: this.disks, groups: this.volumeGroups, env: this.#env }
    try {
      await closeLayers(close)
    } catch (error) {
      // A machine that is gone holds nothing open.
      if (!(error instanceof InstarError && (error.code as string) === 'machine.lost')) throw error
    }
  }

  async #openArrays(): Promise<number> {
    const taken = new Set<string>()
    for (const array of findArrays(this.devices).filter(({ uuid }) => this.#isNew(`md ${uuid}`))) {
      const node = freeArrayNode(this.devices, taken)
      taken.add(node)
      this.#warn(await assembleArray(array, node, this.#scope()))
    }
    if (taken.size > 0) await this.#look()
    return taken.size
  }

  async #openContainers(): Promise<number> {
    let opened = 0
    for (const device of this.#unopened('crypto_LUKS')) {
      const { keys } = this.#options
      const result = await openContainer(device, { ...this.#scope(), devices: this.devices, keys })
      if (result.kind === 'opened') opened++
      else this.locked.push(result.container)
    }
    if (opened > 0) await this.#look()
    return opened
  }

  async #openGroups(isReady: (group: VolumeGroup) => boolean): Promise<number> {
    const volumes = this.devices.filter(({ content }) => content?.type === 'LVM2_member')
    const added = volumes.filter(({ kernelPath }) => this.#isNew(`pv ${kernelPath}`))
    if (added.length > 0) this.volumeGroups = await readGroups(volumes, this.#scope())
    let opened = 0
    for (const group of this.volumeGroups.filter(isReady)) opened += await this.#openGroup(group)
    if (opened === 0) return 0
    await this.#look()
    // Snapshots and thin pools have hidden volumes below them; without these there is nothing to ask for.
    if (this.devices.some(({ mapping }) => mapping?.volume?.isHidden)) await this.#findSnapshots(volumes)
    return opened
  }

  async #openGroup(group: VolumeGroup): Promise<number> {
    // A group is tried anew when one more of its physical volumes has come up.
    if (!this.#isNew(`vg ${group.id} ${group.physicalVolumes.length}`)) return 0
    if (group.refused) this.#warn(`the volume group ${group.name} is left alone: ${group.refused}`)
    if (group.refused) return 0
    const namesakes = this.volumeGroups.filter(({ name }) => name === group.name)
    if (namesakes.length > 1) await this.#look()
    const names = new GroupNames(this.devices, (from, to) => this.#rename(from, to))
    const parked = await names.park(group)
    const complaint = await activateGroup(group, this.#scope())
    if (complaint) this.#warn(`the volume group ${group.name} is not whole: ${complaint}`)
    if (parked.length > 0) {
      await this.#look()
      await new GroupNames(this.devices, (from, to) => this.#rename(from, to)).swapBack(group, parked)
    }
    return 1
  }

  async #findSnapshots(volumes: readonly BlockDevice[]): Promise<void> {
    const ids = await readSnapshots(
      volumes.map(({ kernelPath }) => kernelPath),
      this.#scope(),
    )
    for (const { kernelPath, mapping } of this.devices) {
      if (mapping?.volume && !mapping.volume.isHidden && ids.has(mapping.volume.id)) this.snapshots.add(kernelPath)
    }
  }

  #unopened(type: string): BlockDevice[] {
    const closed = this.devices.filter(device => device.content?.type === type && childrenOf(device, this.devices).length === 0)
    return closed.filter(({ kernelPath }) => this.#isNew(`${type} ${kernelPath}`))
  }

  #isNew(key: string): boolean {
    const isNew = !this.#tried.has(key)
    this.#tried.add(key)
    return isNew
  }

  async #look(signal = this.#options.signal): Promise<void> {
    const look = await lookAtDisks(this.#machine, this.disks, signal)
    this.devices = look.devices
    this.#hasUdev = look.hasUdev
  }

  async #rename(from: string, to: string, signal?: AbortSignal): Promise<void> {
    const result = await this.#run(['dmsetup', 'rename', from, to], signal)
    if (result.exitCode !== 0) throw new InstarError('storage.busy', `cannot rename ${from} to ${to}: ${result.stderrTail.trim()}`)
  }

  #run(argv: readonly string[], signal = this.#options.signal) {
    return this.#machine.run(argv, { signal, env: this.#env })
  }

  #scope(): LvmScope {
    return { machine: this.#machine, env: this.#env, hasUdev: this.#hasUdev, signal: this.#options.signal }
  }

  /** Without udev the tools must make the nodes themselves. */
  get #env(): Readonly<Record<string, string>> {
    return this.#hasUdev ? {} : { DM_DISABLE_UDEV: '1', MDADM_NO_UDEV: '1' }
  }

  #warn(message: string | undefined): void {
    if (message === undefined) return
    this.warnings.push(message)
    this.#options.emit({ kind: 'warning', message })
  }
}
