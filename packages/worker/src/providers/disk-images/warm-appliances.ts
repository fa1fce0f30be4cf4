import { InstarError } from '@instar/contract'
import { openAppliance, type ApplianceOptions, type Machine, type MachineDisk } from '@instar/machine'
import type { HeldMachines } from '../pool-half.ts'
import type { HostPaths } from './host-paths.ts'

const CHECK_TIMEOUT_MS = 10_000
const UNPLUG_TIMEOUT_MS = 60_000

export interface ApplianceSettings extends Pick<ApplianceOptions, 'signal' | 'onProgress'> {
  readonly accel: NonNullable<ApplianceOptions['accel']>
}

/** An appliance that waits for disks, or works on them. */
interface Warm {
  readonly machine: Machine
  /** To start another one in its place. */
  readonly accel: ApplianceSettings['accel']
  /** Whose disks it has, or had: from then on it is nobody else's. */
  lentTo?: string
  /** Something ran on it since the disks were plugged in. */
  isUsed?: true
}

/**
 * The running appliances of this worker's minion pools, by the ids of their machines. They die with this process, however it ends.
 *
 * An appliance serves one machine only: scripts of users run in it as root, and may leave anything in it. Afterwards another one, which never
 * knew of the first one's disks, keys and files, is started in its place; that takes less than half a second from a snapshot.
 */
export class WarmAppliances implements HeldMachines {
  readonly #paths: HostPaths
  readonly #warm = new Map<string, Warm>()
  /** What is done to one appliance is done one after the other; those that are waited for count as here. */
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #lost = new EventTarget()

  constructor(paths: HostPaths) {
    this.#paths = paths
  }

  keys(): readonly string[] {
    return [...new Set([...this.#warm.keys(), ...this.#turns.keys()])]
  }

  async end(keys: readonly string[]): Promise<void> {
    await Promise.allSettled(keys.map(key => this.stop(key)))
  }

  onLost(tell: () => void): Disposable {
    this.#lost.addEventListener('lost', tell)
    return { [Symbol.dispose]: () => this.#lost.removeEventListener('lost', tell) }
  }

  /** Starts an appliance, unless a fresh one runs under the key. */
  async start(key: string, settings: ApplianceSettings): Promise<void> {
    await this.#inTurn(key, async () => {
      const warm = this.#warm.get(key)
      if (warm !== undefined && (await stateOf(warm, settings.signal)) === 'fresh') return
      await this.#open(key, settings)
    })
  }

  async stop(key: string): Promise<void> {
    await this.#inTurn(key, () => this.#close(key))
  }

  /** Throws `provider.failed` when there is no appliance that could be lent. */
  async requireFresh(key: string, signal: AbortSignal): Promise<void> {
    const warm = this.#warm.get(key)
    const state = warm === undefined ? 'gone' : await stateOf(warm, signal)
    if (state !== 'fresh') throw new InstarError('provider.failed', `minion machine ${key} ${WHAT_IS_WRONG[state]}`)
  }

  has(key: string): boolean {
    return this.#warm.has(key)
  }

  /** Whether the appliance has the disks of this owner, and nothing has been done with them yet. */
  isReadyFor(key: string, owner: string): boolean {
    const warm = this.#warm.get(key)
    return warm?.lentTo === owner && warm.isUsed === undefined
  }

  /** Gives the appliance these disks; one that had others, or did anything with these, is replaced first. */
  async plug(
    key: string,
    of: { readonly owner: string; readonly disks: readonly MachineDisk[]; readonly signal: AbortSignal },
  ): Promise<void> {
    const { owner, disks, signal } = of
    await this.#inTurn(key, async () => {
      let warm = this.#require(key)
      if (warm.lentTo !== undefined) warm = await this.#open(key, { accel: warm.accel, signal })
      warm.lentTo = owner
      for (const disk of disks) await warm.machine.attach(disk, signal)
    })
  }

  /** The appliance itself, for work on the disks that were plugged in for this owner. */
  use(key: string, owner: string): Machine {
    const warm = this.#require(key)
    if (warm.lentTo !== owner) throw new InstarError('provider.failed', `minion machine ${key} has no disks of ${owner}`)
    warm.isUsed = true
    return warm.machine
  }

  /** Everything that was written is in the files when this returns. Throws when that could not be. */
  async unplug(key: string): Promise<void> {
    await this.#inTurn(key, async () => {
      const machine = this.#warm.get(key)?.machine
      const signal = AbortSignal.timeout(UNPLUG_TIMEOUT_MS)
      if (machine === undefined || machine.devices.length === 0) return
      await machine.run(['sync'], { signal })
      for (const device of machine.devices) await machine.detach(device, signal)
    })
  }

  /** Replaces an appliance that was lent. */
  async renew(key: string, signal: AbortSignal): Promise<void> {
    await this.#inTurn(key, async () => {
      const warm = this.#warm.get(key)
      if (warm?.lentTo !== undefined) await this.#open(key, { accel: warm.accel, signal })
    })
  }

  #require(key: string): Warm {
    const warm = this.#warm.get(key)
    if (warm !== undefined) return warm
    throw new InstarError('provider.failed', `minion machine ${key} ${WHAT_IS_WRONG.gone}`)
  }

  async #open(key: string, settings: ApplianceSettings): Promise<Warm> {
    await this.#close(key)
    const ended = Promise.withResolvers<void>()
    const machine = await openAppliance({ ...this.#paths, ...settings, disks: [], onEnded: ended.resolve })
    const warm = { machine, accel: settings.accel }
    this.#warm.set(key, warm)
    void ended.promise.then(() => this.#bury(key, warm))
    return warm
  }

  /** Who has lent one that has ended finds out by himself, and has it replaced. */
  async #bury(key: string, warm: Warm): Promise<void> {
    const isIdle = () => this.#warm.get(key) === warm && warm.lentTo === undefined
    if (!isIdle()) return
    await this.#inTurn(key, async () => {
      if (isIdle()) await this.#close(key)
    })
    this.#lost.dispatchEvent(new Event('lost'))
  }

  async #close(key: string): Promise<void> {
    const warm = this.#warm.get(key)
    this.#warm.delete(key)
    // What could not be written to its disks was told when they were unplugged; now nobody waits for it.
    await Promise.resolve(warm?.machine[Symbol.asyncDispose]()).catch(() => undefined)
  }

  async #inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(work, work)
    this.#turns.set(key, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(key) === turn) this.#turns.delete(key)
    }
  }
}

const WHAT_IS_WRONG = {
  gone: 'is not here: it ended by itself or with the worker that held it',
  used: 'was used and not replaced',
  silent: 'does not answer',
} as const

async function stateOf({ machine, lentTo }: Warm, signal: AbortSignal): Promise<'fresh' | 'used' | 'silent'> {
  if (lentTo !== undefined) return 'used'
  try {
    const { exitCode } = await machine.run(['true'], { signal: AbortSignal.any([signal, AbortSignal.timeout(CHECK_TIMEOUT_MS)]) })
    return exitCode === 0 ? 'fresh' : 'silent'
  } catch {
    signal.throwIfAborted()
    return 'silent'
  }
}
