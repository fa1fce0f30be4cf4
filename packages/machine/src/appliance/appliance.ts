import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract'
import type { Machine, MachineDisk, RunOptions, RunResult, Survivor } from '../machine.ts'
import { orAborted } from './or-aborted.ts'
import { runCommand } from './channel/run-command.ts'
import { MAX_DISKS, type QemuDisk, blockNode, diskDevice } from './qemu/argv.ts'
import { setNetwork } from './network.ts'
import type { Vm } from './vm.ts'

const READ_DEFAULT_MAX_BYTES = 64 * 1024 * 1024
const LIST_MAX_BYTES = 64 * 1024 * 1024
const DISKS_MAX_BYTES = 64 * 1024
/** What the agent's own jobs answer with for a file that is not there (ENOENT). */
const NOT_FOUND = 2
const DISK_TIMEOUT_MS = 30_000
const DISK_POLL_MS = 10
/** The guest writes out its caches before it is ended. */
const SYNC_TIMEOUT_MS = 20_000

interface ApplianceParts {
  readonly vm: Vm
  readonly accel: 'kvm' | 'tcg'
  readonly disks: readonly QemuDisk[]
  /** Frees what the start made on the host. */
  readonly cleanUp: () => Promise<void>
}

/** The appliance as a `Machine`: commands and files through the agent, disks and network through QEMU's monitor. */
export class Appliance implements Machine {
  readonly name: string
  readonly isEmulated: boolean
  readonly #vm: Vm
  readonly #cleanUp: () => Promise<void>
  /** Every disk by its device, in the order in which they came. */
  readonly #disks: Map<string, QemuDisk>
  #lastDisk: number
  #isDisposed = false

  constructor({ vm, accel, cleanUp, disks }: ApplianceParts, devices: readonly string[]) {
    this.name = `appliance (${accel})`
    this.isEmulated = accel === 'tcg'
    this.#vm = vm
    this.#cleanUp = cleanUp
    this.#disks = new Map(disks.map((disk, index) => [devices[index]!, disk]))
    this.#lastDisk = disks.length - 1
  }

  get devices(): readonly string[] {
    return [...this.#disks.keys()]
  }

  async run(argv: readonly string[], options: RunOptions): Promise<RunResult> {
    if (argv[0] === '') throw new InstarError('machine.bad-request', 'the name of the program is empty')
    return await runCommand(this.#vm.channel, argv, options)
  }

  async attach(disk: MachineDisk, signal: AbortSignal): Promise<string> {
    if (this.#disks.size >= MAX_DISKS) throw tooManyDisks(this.#disks.size + 1)
    this.#lastDisk += 1
    const added = await nameDisk(disk, this.#lastDisk)
    await plugDisks(this.#vm, [added], signal)
    try {
      const [device] = await findDevices(this.#vm, [added], signal)
      this.#disks.set(device!, added)
      return device!
    } catch (error) {
      const cleanUp = AbortSignal.timeout(DISK_TIMEOUT_MS)
      await this.#remove(added, cleanUp).catch(() => {})
      throw error
    }
  }

  async detach(device: string, signal: AbortSignal): Promise<void> {
    const disk = this.#disks.get(device)
    if (disk === undefined) throw new InstarError('machine.no-device', `${this.name} has no disk ${device}`)
    await this.#remove(disk, AbortSignal.any([signal, AbortSignal.timeout(DISK_TIMEOUT_MS)]))
    this.#disks.delete(device)
    // The last writes fail when the guest's caches are written out, which nobody in the guest is told.
    const failure = this.#vm.diskFailure()
    if (failure !== undefined) throw failure
  }

  /** The guest lets go of the device first, which it tells by an event; only then is its file closed. */
  async #remove(disk: QemuDisk, signal: AbortSignal): Promise<void> {
    const { qmp } = this.#vm
    const id = diskDevice(disk)['id']
    const gone = qmp.event('DEVICE_DELETED', data => data['device'] === id, signal)
    gone.catch(() => {})
    await qmp.execute('device_del', { id }, signal)
    await gone
    await qmp.execute('blockdev-del', { 'node-name': disk.id }, signal)
    this.#vm.disks.delete(disk)
  }

  async read(path: string, options: { signal: AbortSignal; maxBytes?: number }): Promise<Buffer | undefined> {
    const maxBytes = options.maxBytes ?? READ_DEFAULT_MAX_BYTES
    const pieces: Buffer[] = []
    let bytes = 0
    const result = await runCommand(this.#vm.channel, ['', 'read', path], {
      signal: options.signal,
      onStdout: piece => {
        bytes += piece.length
        if (bytes > maxBytes) throw new InstarError('machine.file-too-big', `${path} has more than ${maxBytes} bytes`)
        pieces.push(piece)
      },
    })
    return this.#isFound(result) ? Buffer.concat(pieces) : undefined
  }

  async write(path: string, content: Uint8Array | string, options: { signal: AbortSignal; mode?: number }): Promise<void> {
    const argv = ['', 'write', path, String(options.mode ?? 0o600)]
    const result = await runCommand(this.#vm.channel, argv, { signal: options.signal, stdin: content })
    if (!this.#isFound(result)) throw fileError(result)
  }

  async list(path: string, signal: AbortSignal): Promise<string[] | undefined> {
    const result = await runCommand(this.#vm.channel, ['', 'list', path], { signal, captureBytes: LIST_MAX_BYTES })
    if (!this.#isFound(result)) return undefined
    const names = splitAtNul(result.stdout)
    return names.sort((a, b) => Buffer.compare(a, b)).map(name => name.toString('utf8'))
  }

  async network(on: boolean, signal: AbortSignal): Promise<void> {
    await setNetwork(this.#vm, on, signal)
  }

  async endSurvivors(signal: AbortSignal): Promise<Survivor[]> {
    return await orAborted(this.#vm.channel.endKept(), signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return
    this.#isDisposed = true
    try {
      // A guest that hangs or is dead has nothing to write out any more.
      await runCommand(this.#vm.channel, ['', 'sync'], { signal: AbortSignal.timeout(SYNC_TIMEOUT_MS) }).catch(() => {})
      this.#vm.channel.lose(new InstarError('machine.lost', 'the appliance has been put away'))
      await this.#vm.quit()
      // Told now at the latest: the last writes fail when the guest's caches are written out.
      const failure = this.#vm.diskFailure()
      if (failure !== undefined) throw failure
    } finally {
      await this.#cleanUp()
    }
  }

  /** False when the file is not there; any other failure of one of the agent's jobs is thrown. */
  #isFound(result: RunResult): boolean {
    if (result.exitCode === 0) return true
    if (result.exitCode === NOT_FOUND) return false
    throw fileError(result)
  }
}

/** Names a disk for QEMU and the guest. A file that cannot be looked at throws `machine.disk-refused`. */
export async function nameDisk(disk: MachineDisk, index: number): Promise<QemuDisk> {
  const stats = await stat(disk.file).catch((error: unknown) => {
    throw new InstarError('machine.disk-refused', `cannot use the disk ${disk.file}`, { cause: error })
  })
  return { id: `instar-disk${index}`, disk, isBlockDevice: stats.isBlockDevice() }
}

export function tooManyDisks(count: number): InstarError {
  return new InstarError('machine.disk-refused', `${count} disks were given, the appliance takes ${MAX_DISKS}`, {
    hint: 'Give it fewer disks at once.',
  })
}

/** Gives a running appliance more disks. One that QEMU cannot open throws `machine.disk-refused`. */
export async function plugDisks({ qmp, disks: present }: Vm, disks: readonly QemuDisk[], signal: AbortSignal): Promise<void> {
  for (const each of disks) {
    await qmp.execute('blockdev-add', blockNode(each), signal).catch((error: unknown) => {
      if (!(error instanceof InstarError && error.code === 'machine.qmp')) throw error
      const reason = error.cause instanceof Error ? error.cause.message : error.message
      throw new InstarError('machine.disk-refused', `cannot attach ${each.disk.file}: ${reason}`, { cause: error })
    })
    await qmp.execute('device_add', diskDevice(each), signal)
    present.add(each)
  }
}

/** The devices of disks in their order, found by serial number once the guest has them all. */
export async function findDevices(vm: Vm, disks: readonly QemuDisk[], signal: AbortSignal): Promise<string[]> {
  const until = performance.now() + DISK_TIMEOUT_MS
  for (;;) {
    const result = await runCommand(vm.channel, ['', 'disks', ...disks.map(({ id }) => id)], { signal, captureBytes: DISKS_MAX_BYTES })
    const bySerial = new Map(splitAtNul(result.stdout).map(line => line.toString('utf8').split(' ') as [string, string]))
    const devices = disks.map(({ id }) => bySerial.get(id))
    if (devices.every(device => device !== undefined)) {
      await protect(
        vm,
        devices.filter((_, index) => disks[index]!.disk.readOnly),
        signal,
      )
      return devices
    }
    if (performance.now() > until) {
      throw new InstarError('machine.start-failed', `the appliance did not find its disks within ${DISK_TIMEOUT_MS} ms`, {
        details: { wanted: disks.map(({ id }) => id), found: Object.fromEntries(bySerial) },
      })
    }
    await sleep(DISK_POLL_MS, undefined, { signal })
  }
}

/** QEMU refuses writes to a read-only disk, but its NVMe does not announce it; the guest would find out by errors in mid-work. */
async function protect(vm: Vm, devices: readonly string[], signal: AbortSignal): Promise<void> {
  if (devices.length > 0) await runCommand(vm.channel, ['blockdev', '--setro', ...devices], { signal })
}

function fileError(result: RunResult): InstarError {
  return new InstarError('machine.file', `${result.argv[1]} in the appliance: ${result.stderrTail.trim()}`, {
    details: { argv: result.argv },
  })
}

function splitAtNul(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = []
  for (let at = 0, end = bytes.indexOf(0); end !== -1; at = end + 1, end = bytes.indexOf(0, at)) parts.push(bytes.subarray(at, end))
  return parts
}
