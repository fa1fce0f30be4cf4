import { known } from '../detect/known.ts'
import { isFile, realPath } from './guest-files.ts'
import { Buffer } from 'node:buffer'
import type { Machine } from '@instar/machine'
import type { Kernel } from '../detect/kernels.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import type { ImageCache } from './initramfs/image-cache.ts'
import { type InitramfsReading, readInitramfs } from './initramfs/read.ts'
import { type KernelVerdict, judgeKernel } from './kernel/judge.ts'
import { readKernelModules } from './kernel/modules.ts'
import type { Bus, RootStack } from './kernel/needs.ts'
import { type BootSector, inspectBootSector } from './loader/boot-sector.ts'
import type { ResolveDevice } from './loader/cmdline.ts'
import type { LoaderEntry, LoaderReading } from './loader/entries.ts'
import { readLoader } from './loader/read-loader.ts'
import { runOrThrow } from './machine-files.ts'
import type { EfiArchitecture } from './uefi/architectures.ts'
import { type FallbackPlan, planFallback } from './uefi/fallback.ts'

export interface BootInspection {
  readonly machine: Machine
  readonly tree: GuestTree
  /** Where the guest's root is mounted on the machine. */
  readonly root: string
  readonly kernels: readonly Kernel[]
  readonly target: { readonly bus: Bus; readonly firmware: 'bios' | 'uefi' }
  readonly stack: RootStack
  readonly resolve: ResolveDevice
  /** Guest files that the morph changed and images carry copies of. */
  readonly changedFiles: readonly string[]
  /** The disk that firmware starts from, as the machine names it; absent = not looked at. */
  readonly bootDisk?: string
  /** Where the guest mounts its ESP. */
  readonly esp?: string
  readonly architecture: EfiArchitecture
  /** Of a guest that is looked at more than once. */
  readonly images?: ImageCache
  readonly signal: AbortSignal
}

export interface KernelFacts {
  readonly version: string
  readonly image: string
  readonly isDefault: boolean
  /** The file that an overlay goes to or a rebuild replaces: the last of the entry's, links resolved. */
  readonly initramfs?: string
  readonly initramfsBytes: number
  readonly verdict: KernelVerdict
}

/** What a boot of the guest would meet, as plain data. */
export interface BootFacts {
  readonly loader?: LoaderReading
  /** The default kernel first, then the newest when it is another one. */
  readonly kernels: readonly KernelFacts[]
  readonly bootSector?: BootSector
  readonly fallback?: FallbackPlan
}

/** The reader's own limit is on what is unpacked; a file larger than this is no image. */
const MAX_IMAGE_BYTES = 512 * 1024 * 1024
const SECTOR_BYTES = 512

/** Reads the loader, the images of the default and the newest kernel, and the firmware's way to them. Changes nothing. */
export async function inspectBoot(inspection: BootInspection): Promise<BootFacts> {
  const { tree, target, kernels } = inspection
  const loader = readLoader(tree, target.firmware)
  const chosen = chooseKernels(tree, kernels, loader?.default)
  const facts: KernelFacts[] = []
  for (const { kernel, entry, isDefault } of chosen) facts.push(await inspectKernel(inspection, { kernel, entry, isDefault }))
  const bootSector = target.firmware === 'bios' ? await inspectSector(inspection) : undefined
  const fallback = target.firmware === 'uefi' ? await inspectEsp(inspection) : undefined
  return { kernels: facts, ...given({ loader }), ...given({ bootSector }), ...given({ fallback }) }
}

function given<T extends object>(part: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

interface Chosen {
  readonly kernel: Kernel
  readonly entry: LoaderEntry | undefined
  readonly isDefault: boolean
}

/** What starts by itself, and the newest, which starts after the guest's next change of its menu. */
function chooseKernels(tree: GuestTree, kernels: readonly Kernel[], entry: LoaderEntry | undefined): Chosen[] {
  const same = (left: string | undefined, right: string): boolean => left !== undefined && realPath(tree, left) === realPath(tree, right)
  const starting = kernels.find(kernel => same(entry?.kernel.path, kernel.image))
  const newest = kernels.find(kernel => kernel.hasModuleIndex || kernel.isUnified) ?? kernels[0]
  const first = starting ?? newest
  const chosen: Chosen[] =
    first === undefined ? [] : [{ kernel: first, entry: starting === undefined ? undefined : entry, isDefault: true }]
  return newest === undefined || newest === first ? chosen : [...chosen, { kernel: newest, entry: undefined, isDefault: false }]
}

async function inspectKernel(inspection: BootInspection, { kernel, entry, isDefault }: Chosen): Promise<KernelFacts> {
  const { tree, target, stack, resolve, changedFiles } = inspection
  const files = kernel.isUnified ? [kernel.image] : initramfsFiles(kernel, entry)
  const real = files.flatMap(path => realPath(tree, path) ?? [])
  const image = await readImage(inspection, real)
  const cmdline = entry?.cmdline ?? image?.uki?.cmdline ?? ''
  const modules = readKernelModules(tree, kernel.version)
  const verdict = judgeKernel({ tree, cmdline, bus: target.bus, root: stack, resolve, changedFiles, ...given({ image, modules }) })
  const initramfs = kernel.isUnified ? undefined : real.at(-1)
  return {
    version: kernel.version,
    image: kernel.image,
    isDefault,
    initramfsBytes: image?.sizeBytes ?? 0,
    verdict,
    ...given({ initramfs }),
  }
}

/** An entry may name several, microcode first: the loader joins them. Without an entry the usual name counts. */
function initramfsFiles(kernel: Kernel, entry: LoaderEntry | undefined): string[] {
  if (entry !== undefined) return entry.initrds.flatMap(({ path }) => path ?? [])
  return kernel.initrd === undefined ? [] : [kernel.initrd]
}

async function readImage(inspection: BootInspection, paths: readonly string[]): Promise<InitramfsReading | undefined> {
  const { images, root, signal } = inspection
  const read = async () => {
    const bytes = await readImages(inspection, paths)
    return bytes === undefined ? undefined : await readInitramfs(bytes, { signal })
  }
  return images === undefined
    ? await read()
    : await images.read(
        paths.map(path => `${root}${path}`),
        { signal, read },
      )
}

async function readImages({ machine, root, signal }: BootInspection, paths: readonly string[]): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  for (const path of paths) {
    const bytes = await machine.read(`${root}${path}`, { signal, maxBytes: MAX_IMAGE_BYTES })
    // GRUB and the EFI stub start each file at a multiple of 4.
    if (bytes !== undefined) pieces.push(bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4))
  }
  return pieces.length === 0 ? undefined : pieces.length === 2 ? pieces[0] : Buffer.concat(pieces)
}

/** Sector 0, then the one that it points to. */
async function inspectSector({ machine, bootDisk, signal }: BootInspection): Promise<BootSector | undefined> {
  if (bootDisk === undefined) return undefined
  const sectors = new Map<number, Buffer>()
  const read = async (lba: number): Promise<void> => {
    const argv = ['dd', `if=${bootDisk}`, `bs=${SECTOR_BYTES}`, `skip=${lba}`, 'count=1', 'status=none']
    const { stdout } = await runOrThrow(machine, argv, { signal, captureBytes: SECTOR_BYTES })
    if (stdout.length === SECTOR_BYTES) sectors.set(lba, stdout)
  }
  await read(0)
  const first = inspectBootSector(lba => sectors.get(lba))
  // A sector number beyond 2^40 (512 TiB) is noise in a boot sector that is not GRUB's.
  if (first.loader !== 'grub2' || first.coreAtLba >= 2 ** 40) return first
  await read(first.coreAtLba)
  return inspectBootSector(lba => sectors.get(lba))
}

const HEADER_BYTES = 4096

/** The firmware's way to the loader on UEFI; `undefined` when the guest mounts no ESP. */
export async function inspectEsp(
  inspection: Omit<BootInspection, 'kernels' | 'target' | 'stack' | 'resolve' | 'changedFiles'>,
): Promise<FallbackPlan | undefined> {
  const { tree, esp, architecture, machine, root, signal } = inspection
  if (esp === undefined) return undefined
  const headers = new Map<string, Buffer>()
  const programs = (known(() => tree.glob(`${esp}/*/*/*`)) ?? []).filter(path => /\.efi$/i.test(path) && isFile(tree, path))
  for (const path of programs.slice(0, MAX_PROGRAMS)) {
    const { stdout } = await runOrThrow(machine, ['head', '-c', String(HEADER_BYTES), `${root}${path}`], {
      signal,
      captureBytes: HEADER_BYTES,
    })
    headers.set(path, stdout)
  }
  return planFallback(tree, { esp, architecture, readHeader: path => headers.get(path) })
}

/** An ESP of three distributions has some 20. */
const MAX_PROGRAMS = 64

/** The files that a plan copies, by their path in the guest. */
export async function readFallbackFiles(
  machine: Machine,
  root: string,
  plan: FallbackPlan,
  signal: AbortSignal,
): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>()
  for (const { from } of plan.copies) {
    const content = await machine.read(`${root}${from}`, { signal })
    if (content !== undefined) contents.set(from, content)
  }
  return contents
}

/** Reads one image of the guest and judges it anew, after a change. */
export async function readGuestImage(machine: Machine, path: string, signal: AbortSignal): Promise<InitramfsReading | undefined> {
  const bytes = await machine.read(path, { signal, maxBytes: MAX_IMAGE_BYTES })
  return bytes === undefined ? undefined : readInitramfs(bytes, { signal })
}
