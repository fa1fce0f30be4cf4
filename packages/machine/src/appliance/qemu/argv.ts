import type { MachineDisk } from '../../machine.ts'
import type { ApplianceImage } from '../image/build.ts'
import { AGENT_PATH } from '../image/recipe.ts'

/** File descriptors that QEMU inherits: sockets without a name, so nobody else can connect and no path is too long. */
export const CHANNEL_FD = 3
export const QMP_FD = 4
/** The state of a snapshot, a file. */
export const STATE_FD = 5

/** Hot-plugged devices need a bus each; the PC board has 32 slots, of which the board and the channel take some. */
export const MAX_DISKS = 24

/** The disk that the kernel finds its root on. */
export const BOOT_DISK = 'instar-boot'

export interface QemuDisk {
  /** Names the disk in QEMU, and in the guest as its serial number (20 characters at most). */
  readonly id: string
  readonly disk: MachineDisk
  readonly isBlockDevice: boolean
}

/** The files of a snapshot: see snapshot/make-snapshot.ts. */
export interface SnapshotFiles {
  /** All of the guest's memory. */
  readonly memory: string
  /** The state of the CPU and the devices, as QEMU migrates them. */
  readonly state: string
  /** What the guest has written to its root, as a layer on the root image. */
  readonly root: string
}

/** How QEMU comes to a running agent: it boots the kernel, boots it to make a snapshot of it, or goes on from a snapshot. */
export type StartFrom =
  | { readonly kind: 'kernel' }
  | { readonly kind: 'kernel-to-snapshot'; readonly files: SnapshotFiles }
  | { readonly kind: 'snapshot'; readonly files: SnapshotFiles }

export interface QemuOptions {
  readonly accel: 'kvm' | 'tcg'
  readonly memoryMiB: number
  readonly cpus: number
  readonly image: Pick<ApplianceImage, 'kernel' | 'rootImage' | 'diskId'>
  readonly from: StartFrom
  /** There from the start; a guest of a snapshot knows none, so its disks are plugged in later. */
  readonly disks: readonly QemuDisk[]
}

/** The arguments of QEMU for an appliance: nothing by default, disks as NVMe with their id as serial, the channel and QMP on inherited sockets. */
export function qemuArguments(options: QemuOptions): string[] {
  const { accel } = options
  return [
    ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
    ['-accel', accel, '-cpu', accel === 'kvm' ? 'host' : 'max'],
    ['-m', String(options.memoryMiB), '-smp', String(options.cpus)],
    ['-chardev', `socket,id=qmp,fd=${QMP_FD}`, '-mon', 'chardev=qmp,mode=control'],
    ['-chardev', `socket,id=agent,fd=${CHANNEL_FD}`],
    // A snapshot fits only where each device has its old place.
    ['-device', 'virtio-serial-pci,addr=0x3', '-device', 'virtserialport,chardev=agent,name=instar'],
    startArguments(options),
    ...options.disks.map(disk => ['-blockdev', JSON.stringify(blockNode(disk)), '-device', JSON.stringify(diskDevice(disk))]),
  ].flat()
}

function startArguments({ accel, image, from, memoryMiB }: QemuOptions): string[] {
  const commandLine = kernelCommandLine(accel, image.diskId)
  // Many appliances share the root image: what one writes goes to an unlinked temporary file.
  const nvmeRoot = ['-drive', drive('root', image.rootImage, 'raw', true), '-device', `nvme,id=${BOOT_DISK},serial=instar-root,drive=root`]
  if (from.kind === 'kernel') return ['-M', 'pc', '-kernel', image.kernel, '-append', commandLine, ...nvmeRoot]
  const isSaving = from.kind === 'kernel-to-snapshot'
  // Private is what one writes into memory that others share.
  const memory = `memory-backend-file,id=memory,size=${memoryMiB}M,mem-path=${doubled(from.files.memory)},share=${isSaving ? 'on' : 'off'}`
  const board = ['-M', 'pc,memory-backend=memory', '-object', memory]
  // QEMU can save no NVMe disk, and the kernel has no other one built in: so it starts from NVMe and moves to virtio (agent.pl).
  const virtioRoot = ['-drive', drive('moved', from.files.root, 'qcow2', !isSaving), '-device', 'virtio-blk-pci,drive=moved,addr=0x4']
  if (isSaving) return [...board, '-kernel', image.kernel, '-append', `${commandLine} -- move-root`, ...virtioRoot, ...nvmeRoot]
  return [...board, ...virtioRoot, '-incoming', 'defer']
}

function drive(id: string, file: string, format: 'raw' | 'qcow2', isThrownAway: boolean): string {
  return `if=none,id=${id},file=${doubled(file)},format=${format}${isThrownAway ? ',snapshot=on' : ''}`
}

/** A comma ends a value of QEMU's options unless doubled. */
function doubled(value: string): string {
  return value.replaceAll(',', ',,')
}

/**
 * The block graph of a disk: the file with its format upon it, both named, so that QEMU never guesses from content. QEMU's own lock on the
 * file stays on, and writes go through the host's page cache.
 */
export function blockNode({ id, disk, isBlockDevice }: QemuDisk): Record<string, unknown> {
  const own = disk.node ?? { driver: disk.format, file: { driver: isBlockDevice ? 'host_device' : 'file', filename: disk.file } }
  return { ...own, 'node-name': id, 'read-only': disk.readOnly, discard: 'unmap' }
}

export function diskDevice(disk: QemuDisk): Record<string, unknown> {
  return { driver: 'nvme', id: `${disk.id}-device`, serial: disk.id, drive: disk.id }
}

function kernelCommandLine(accel: QemuOptions['accel'], diskId: string): string {
  const options = [
    `console=ttyS0 quiet panic=-1 root=PARTUUID=${diskId}-01 rootwait rw init=/${AGENT_PATH}`,
    // The self-tests of the ciphers cost 0.3 s of emulated CPU; in the guest, nobody's code runs beside anybody else's.
    'cryptomgr.notests mitigations=off random.trust_cpu=on',
    // A loaded host fails the guest's checks of its timer interrupt.
    'no_timer_check',
  ]
  if (accel === 'tcg') {
    // The same load spoils the measuring of an emulated time-stamp counter, and the clock with it.
    options.push('notsc')
    // QEMU keeps translated code by its address: where each process lies elsewhere, it translates libc and ld.so anew each time.
    // Starting a program takes 9 ms instead of 30 without the randomisation.
    options.push('norandmaps')
  }
  return options.join(' ')
}
