import { findDevices, plugDisks } from './appliance.ts'
import { noteQemu } from './host/sweep.ts'
import type { QemuDisk, QemuOptions } from './qemu/argv.ts'
import { type Snapshot, markUseless, provideSnapshot } from './snapshot/provide-snapshot.ts'
import { type StartOptions, type Vm, startVm } from './vm.ts'

/** 2 s on an idle host under emulation; a loaded one was seen to take 17. */
const BOOT_TIMEOUT_MS = 120_000
/** 0.3 s on an idle host. */
const RESUME_TIMEOUT_MS = 60_000

type Board = Omit<QemuOptions, 'from' | 'disks'>

interface StartPlace {
  readonly disks: readonly QemuDisk[]
  /** Of this one appliance, for QEMU's temporary files. */
  readonly folder: string
  /** Whether the board is the usual one, which others will ask for as well. */
  readonly isUsual: boolean
  readonly signal: AbortSignal
  readonly onProgress: (message: string, percent?: number) => void
}

/**
 * Starts an appliance and gives the devices of its disks. An emulated one goes on from a snapshot, which spares its boot; a real CPU boots
 * within a second, and a snapshot of it would fit no other kind of host.
 */
export async function startWithDisks(board: Board, place: StartPlace): Promise<{ vm: Vm; devices: string[] }> {
  const { disks, signal, onProgress } = place
  const isSnapshot = board.accel === 'tcg' && place.isUsual
  const snapshot = isSnapshot ? await provideSnapshot({ ...board, signal, onProgress }) : undefined
  onProgress(`Starting the appliance (${board.accel})`)
  const common = { ...board, folder: place.folder, onStarted: (pid: number) => noteQemu(place.folder, pid), signal }
  const resumed = snapshot === undefined ? undefined : await resumeVm(snapshot, common)
  const vm = resumed ?? (await startVm({ ...common, from: { kind: 'kernel' }, disks, bootTimeoutMs: BOOT_TIMEOUT_MS }))
  try {
    if (resumed !== undefined) await plugDisks(vm, disks, signal)
    return { vm, devices: await findDevices(vm, disks, signal) }
  } catch (error) {
    await vm.kill()
    throw error
  }
}

/** `undefined` when the snapshot does not come to life on this host; then it is not tried again for a day. */
async function resumeVm(snapshot: Snapshot, common: Omit<StartOptions, 'from' | 'disks' | 'bootTimeoutMs'>): Promise<Vm | undefined> {
  try {
    return await startVm({ ...common, from: { kind: 'snapshot', files: snapshot.files }, disks: [], bootTimeoutMs: RESUME_TIMEOUT_MS })
  } catch (error) {
    common.signal.throwIfAborted()
    await markUseless(snapshot.folder, error)
    return undefined
  }
}
