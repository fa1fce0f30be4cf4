import type { BlockNode } from '../images/block-node.ts'
import type { Firmware } from './firmware.ts'

export interface ReplicaHardware {
  readonly disks: readonly BlockNode[]
  readonly bus: 'virtio' | 'nvme'
  readonly accel: 'kvm' | 'tcg'
  readonly memoryMiB: number
  readonly cpus: number
  readonly network: 'none' | 'user'
  /** Absent: BIOS. */
  readonly firmware?: Firmware
}

/** The name of the virtio-serial port that first-boot results come through. */
export const FIRST_BOOT_PORT = 'org.instar.firstboot'
/** Descriptors that QEMU is started with: the port and the monitor. */
export const PORT_FD = 3
export const MONITOR_FD = 4

/** The command line of a replica: what a KVM cloud gives a guest, with the serial console on QEMU's stdin and stdout and no screen. */
export function qemuArguments(hardware: ReplicaHardware): string[] {
  const groups: string[][] = [
    ['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'none'],
    ['-machine', machineOf(hardware), '-cpu', hardware.accel === 'kvm' ? 'host' : 'max'],
    ['-smp', String(hardware.cpus), '-m', String(hardware.memoryMiB), '-rtc', 'base=utc'],
    // The guest is hostile: what breaks out of its devices finds no way to start anything.
    ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ['-chardev', `socket,id=monitor,fd=${MONITOR_FD}`, '-mon', 'chardev=monitor,mode=control'],
    ['-chardev', `socket,id=port,fd=${PORT_FD}`, '-device', 'virtio-serial-pci'],
    ['-device', `virtserialport,chardev=port,name=${FIRST_BOOT_PORT}`],
    ['-object', 'rng-random,id=rng,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=rng'],
    firmwareArguments(hardware.firmware),
    ...hardware.disks.map((node, index) => diskArguments(node, index, hardware.bus)),
    hardware.network === 'user' ? ['-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net'] : [],
  ]
  return groups.flat()
}

/** graphics=off: the BIOS then writes to the serial console, so that its own failures are seen. */
function machineOf({ accel, firmware }: ReplicaHardware): string {
  const pflash = firmware === undefined ? '' : ',smm=off,pflash0=uefi-code,pflash1=uefi-variables'
  return `${firmware === undefined ? 'pc' : 'q35'},accel=${accel},graphics=off${pflash}`
}

function firmwareArguments(firmware: Firmware | undefined): string[] {
  if (firmware === undefined) return []
  const node = (name: string, filename: string, isReadOnly: boolean) =>
    JSON.stringify({ driver: 'raw', 'node-name': name, 'read-only': isReadOnly, file: { driver: 'file', filename } })
  return ['-blockdev', node('uefi-code', firmware.code, true), '-blockdev', node('uefi-variables', firmware.variables, false)]
}

function diskArguments(node: BlockNode, index: number, bus: 'virtio' | 'nvme'): string[] {
  const name = `disk${index}`
  const device = bus === 'nvme' ? 'nvme' : 'virtio-blk-pci'
  return [
    '-blockdev',
    JSON.stringify({ ...node, 'node-name': name }),
    '-device',
    `${device},drive=${name},serial=instar-${name},bootindex=${index + 1}`,
  ]
}
