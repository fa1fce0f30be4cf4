import { realpath } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { makeLayerDirectory, removeLayerDirectory } from '../images/layer.ts'
import { sweepLayers } from '../images/sweep.ts'
import { makeFolder } from '../make-folder.ts'
import { openFirmware } from './firmware.ts'
import type { PromptAnswer } from './prompt-answers.ts'
import { qemuArguments } from './qemu-arguments.ts'
import type { ReplicaDisk } from './replica-disks.ts'
import { openReplicaDisks } from './replica-disks.ts'
import type { ReplicaResult } from './replica-result.ts'
import { watchReplica } from './watch-replica.ts'

export interface ReplicaRequest<Verdict> {
  /** In the order of the machine, boot disk first. */
  readonly disks: readonly ReplicaDisk[]
  /** Files and folders that the images may refer to. Default none. */
  readonly allowBacking?: readonly string[]
  readonly firmware: 'bios' | 'uefi'
  readonly bus: 'virtio' | 'nvme'
  readonly memoryMiB: number
  /** Default: all of the host's, at most 2. */
  readonly cpus?: number
  readonly accel: 'kvm' | 'tcg'
  readonly network?: 'none' | 'user'
  /** Where the throw-away layers go. */
  readonly runtimeDir: string
  /** A folder where the guest's writes are kept for the next boot with the same one; without it they are thrown away. */
  readonly keepChanges?: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Typed at the console when the prompt shows: a passphrase. */
  readonly answers?: readonly PromptAnswer[]
  /** Goes on after a sign of a failed boot, as where a script of the guest prints such lines. */
  readonly ignoreFailures?: boolean
  readonly onConsole?: (text: string) => void
  readonly onPort?: (text: string) => void
  /** Looked at whenever something came; the boot ends with the first verdict that is not `undefined`. */
  readonly until: (seen: { readonly console: string; readonly port: string }) => Verdict | undefined
}

/**
 * Boots a machine from its images in QEMU, on layers of its own, so that the images stay as they are. Returns however the boot ended
 * (`requireVerdict` throws where it did not come up); QEMU is always gone then, by SIGKILL: for the guest, a power cut.
 */
export async function bootReplica<Verdict>(request: ReplicaRequest<Verdict>): Promise<ReplicaResult<Verdict>> {
  request.signal.throwIfAborted()
  await using stack = new AsyncDisposableStack()
  const folder =
    request.keepChanges === undefined ? await throwAwayFolder(request.runtimeDir, stack) : await keptFolder(request.keepChanges)
  const { disks, signal } = request
  const nodes = await openReplicaDisks({
    disks,
    allowBacking: request.allowBacking ?? [],
    folder,
    isKept: request.keepChanges !== undefined,
    signal,
  })
  const argv = qemuArguments({
    disks: nodes,
    bus: request.bus,
    accel: request.accel,
    memoryMiB: request.memoryMiB,
    cpus: request.cpus ?? Math.min(2, availableParallelism()),
    network: request.network ?? 'none',
    ...(request.firmware === 'uefi' ? { firmware: await openFirmware(folder) } : {}),
  })
  return await watchReplica(argv, { ...request, folder })
}

async function throwAwayFolder(dir: string, stack: AsyncDisposableStack): Promise<string> {
  await sweepLayers(dir)
  const folder = await makeLayerDirectory(dir)
  stack.defer(() => removeLayerDirectory(folder))
  return folder
}

async function keptFolder(dir: string): Promise<string> {
  await makeFolder(dir, 0o700)
  return await realpath(dir)
}
