import { rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { InstarError } from '@instar/contract'
import type { Machine, MachineDisk } from '../machine.ts'
import { Appliance, nameDisk, tooManyDisks } from './appliance.ts'
import { type Accelerator, chooseAccelerator } from './host/accelerator.ts'
import { makeRuntimeFolder, sweepRuntime } from './host/sweep.ts'
import { type ApplianceImage, provideImage } from './image/build.ts'
import { MAX_DISKS } from './qemu/argv.ts'
import { startWithDisks } from './start-with-disks.ts'

const DEFAULT_MEMORY_MIB = 512
const MAX_CPUS = 4

export interface ApplianceOptions {
  /** Keeps the built appliance, which can be made again. */
  readonly cacheDir: string
  /** Keeps what lives as long as a running appliance. Its leftovers of dead processes are removed first. */
  readonly runtimeDir: string
  /** In the order of `Machine.devices`. */
  readonly disks: readonly MachineDisk[]
  readonly memoryMiB?: number
  /** Default `auto`: KVM where a guest truly boots under it, else emulation (TCG). */
  readonly accel?: 'auto' | Accelerator
  readonly signal: AbortSignal
  /** Sentences in the present, while the appliance is built (then with how much of that is done) or started. */
  readonly onProgress?: (message: string, percent?: number) => void
  /** Once, when the appliance runs no more: because it crashed, was killed, or was disposed of. */
  readonly onEnded?: () => void
}

/**
 * Starts an appliance with these disks; builds it first when the cache has none. Throws `machine.unsupported-arch`, `machine.missing-tool`,
 * `machine.build-failed`, `machine.disk-refused` or `machine.start-failed`.
 */
export async function openAppliance(options: ApplianceOptions): Promise<Machine> {
  const { runtimeDir } = options
  requireArch(process.arch)
  if (options.disks.length > MAX_DISKS) throw tooManyDisks(options.disks.length)
  const disks = await Promise.all(options.disks.map(nameDisk))
  const onProgress = options.onProgress ?? (() => {})
  const image = await provideImage({ ...options, onProgress })
  await sweepRuntime(runtimeDir)
  const folder = await makeRuntimeFolder(runtimeDir)
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  const accel = await accelerator(options, image, folder)
  const { vm, devices } = await startWithDisks(
    { accel, memoryMiB: options.memoryMiB ?? DEFAULT_MEMORY_MIB, cpus: cpusFor(accel), image },
    { disks, folder, isUsual: options.memoryMiB === undefined, signal: options.signal, onProgress },
  )
  undo.defer(() => vm.kill())
  if (options.onEnded) void vm.ended.then(options.onEnded)
  const held = undo.move()
  return new Appliance({ vm, accel, disks, cleanUp: () => held.disposeAsync() }, devices)
}

interface ProbeAcceleratorOptions {
  readonly cacheDir: string
  readonly runtimeDir: string
  readonly signal: AbortSignal
  readonly onProgress?: (message: string, percent?: number) => void
}

/** What `auto` comes to on this host. Builds the appliance when there is none: only a boot tells whether KVM works. */
export async function probeAccelerator(options: ProbeAcceleratorOptions): Promise<Accelerator> {
  requireArch(process.arch)
  const image = await provideImage({ ...options, onProgress: options.onProgress ?? (() => {}) })
  await sweepRuntime(options.runtimeDir)
  const folder = await makeRuntimeFolder(options.runtimeDir)
  try {
    return await chooseAccelerator({ ...options, image, folder })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function accelerator(options: ApplianceOptions, image: ApplianceImage, folder: string): Promise<Accelerator> {
  const wanted = options.accel ?? 'auto'
  return wanted === 'auto' ? await chooseAccelerator({ ...options, image, folder }) : wanted
}

/**
 * Emulated CPUs disturb each other: each start of a program makes QEMU stop them all. With two, the boot costs 3.6 s of CPU instead of 2.5,
 * a start of a program 16 ms instead of 7, and an initramfs is rebuilt in 29 s instead of 17 (docs/bench.md).
 */
function cpusFor(accel: Accelerator): number {
  return accel === 'tcg' ? 1 : Math.min(MAX_CPUS, availableParallelism())
}

/** The appliance's packages, kernel entry and agent are for x86-64 only; `arch` is as Node names it. */
export function requireArch(arch: string): void {
  if (arch === 'x64') return
  throw new InstarError('machine.unsupported-arch', `the appliance needs an x86-64 host, this one is ${arch}`, { details: { arch } })
}
