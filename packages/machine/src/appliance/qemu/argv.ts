import type { MachineDisk } from '../../machine.ts'
import type { ApplianceImage } from '../image/build.ts'
import { AGENT_PATH } from '../image/recipe.ts'

/** File descriptors that QEMU inherits: sockets without a name, so nobody else can connect and no path is too long. */
export const CHANNEL_FD = 3
export const QMP_FD = 4

/** Hot-plugged devices need a bus each; the PC board has 32 slots, of which the board and the channel take some. */
export const MAX_DISKS = 24

export interface QemuDisk {
  /** Names the disk in QEMU, and in the guest as its serial number (20 characters at most). */
  readonly id: string
  readonly disk: MachineDisk
  readonly isBlockDevice: boolean
}

export interface QemuOptions {
  readonly accel: 'kvm' | 'tcg'
  readonly memoryMiB: number
  readonly cpus: number
  readonly image: Pick<ApplianceImage, 'kernel' | 'rootImage' | 'diskId'>
  readonly disks: readonly QemuDisk[]
}

/** The arguments of QEMU for an appliance: nothing by default, disks as NVMe with their id as serial, the channel and QMP on inherited sockets. */
export function qemuArguments(options: QemuOptions): string[] {
  const { accel, image, disks } = options
  // Many appliances share the root image: what one writes goes to an unlinked temporary file. A comma ends a value unless doubled.
  const root = `if=none,id=root,file=${image.rootImage.replaceAll(',', ',,')},format=raw,snapshot=on`
  return [
    ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
    ['-M', 'pc', '-accel', accel, '-cpu', accel === 'kvm' ? 'host' : 'max'],
    ['-m', String(options.memoryMiB), '-smp', String(options.cpus)],
    ['-kernel', image.kernel, '-append', kernelCommandLine(accel, image.diskId)],
    ['-chardev', `socket,id=qmp,fd=${QMP_FD}`, '-mon', 'chardev=qmp,mode=control'],
    ['-chardev', `socket,id=agent,fd=${CHANNEL_FD}`, '-device', 'virtio-serial-pci', '-device', 'virtserialport,chardev=agent,name=instar'],
    ['-drive', root, '-device', 'nvme,serial=instar-root,drive=root'],
    ...disks.map(disk => ['-blockdev', JSON.stringify(blockNode(disk)), '-device', JSON.stringify(diskDevice(disk))]),
  ].flat()
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
