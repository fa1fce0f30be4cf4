import { FIRST_BOOT_PORT } from '@instar/machine'
import type { NetworkId } from './networks.ts'

export const START_FILE = 'start'
/** What a guest writes to its first-boot port comes here. */
export const FIRST_BOOT_LOG = 'first-boot.log'

export interface StartHardware {
  readonly name: string
  /** File names beside the script. */
  readonly disks: readonly string[]
  readonly bus: 'virtio' | 'nvme'
  readonly firmware: 'bios' | 'uefi'
  readonly memoryMb: number
  readonly cpus: number
  readonly accel: 'kvm' | 'tcg'
  readonly nics: readonly { readonly mac?: string; readonly network: NetworkId }[]
}

/**
 * A script that boots the machine beside it, in the foreground (QEMU's own `-daemonize` would need rights that its sandbox denies the guest's
 * prisoner). Arguments go to QEMU; memory, CPUs and accelerator can be set by the environment.
 */
export function renderStartScript(machine: StartHardware): string {
  return `#!/bin/sh
# Boots this machine in QEMU. Made by Instar; it may be changed as you like.
# Further arguments go to QEMU. In the background: setsid ./start >run/qemu.log 2>&1 &
# The console is run/console.sock, what it shows is kept in run/console.log: socat -,rawer,escape=0x1d UNIX:run/console.sock (Ctrl-] leaves)
set -eu
cd "$(dirname "$0")"
here=$(pwd -P)
mkdir -p run
${machine.firmware === 'uefi' ? UEFI : ''}# An image of a replica is never written to: what this machine writes goes into its own disks.
exec qemu-system-x86_64 -name ${quote(machine.name)} -nodefaults -no-user-config -display none \\
  -machine "${machine.firmware === 'uefi' ? 'q35' : 'pc'},accel=\${ACCEL:-${machine.accel}},graphics=off" -cpu "\${CPU:-max}" \\
  -smp "\${CPUS:-${machine.cpus}}" -m "\${MEMORY_MB:-${machine.memoryMb}}" -rtc base=utc \\
  -fw_cfg "name=opt/org.instar/machine,string=instar-machine=$here" \\
  -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny \\
  -pidfile run/qemu.pid -qmp unix:run/qmp.sock,server=on,wait=off \\
  -chardev socket,id=console,path=run/console.sock,server=on,wait=off,logfile=run/console.log,logappend=on -serial chardev:console \\
  -chardev file,id=port,path=run/${FIRST_BOOT_LOG},append=on -device virtio-serial-pci \\
  -device virtserialport,chardev=port,name=${FIRST_BOOT_PORT} \\
  -object rng-random,id=rng,filename=/dev/urandom -device virtio-rng-pci,rng=rng \\
${[...(machine.firmware === 'uefi' ? [UEFI_DRIVES] : []), ...machine.disks.map((file, index) => diskLine(file, index, machine.bus)), ...machine.nics.map(nicLine)].map(line => `  ${line} \\\n`).join('')}  "$@"
`
}

const UEFI = `for build in OVMF_CODE_4M OVMF_CODE; do
  [ -e "/usr/share/OVMF/$build.fd" ] && break
done
[ -e run/uefi-variables.fd ] || cp "/usr/share/OVMF/$(echo "$build" | sed s/CODE/VARS/).fd" run/uefi-variables.fd
`
const UEFI_DRIVES =
  '-drive "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/$build.fd" -drive if=pflash,format=raw,file=run/uefi-variables.fd'

function diskLine(file: string, index: number, bus: 'virtio' | 'nvme'): string {
  const device = bus === 'nvme' ? 'nvme' : 'virtio-blk-pci'
  return `-blockdev driver=qcow2,node-name=disk${index},discard=unmap,file.driver=file,file.filename=${file} -device ${device},drive=disk${index},serial=instar-disk${index},bootindex=${index + 1}`
}

function nicLine({ mac, network }: StartHardware['nics'][number], index: number): string {
  const address = mac === undefined ? '' : `,mac=${mac}`
  if (network === 'none') return `-device virtio-net-pci${address}`
  return `-netdev user,id=net${index} -device virtio-net-pci,netdev=net${index}${address}`
}

/** For the shell, and for QEMU, where a comma ends a value. */
function quote(text: string): string {
  return `'${text.replaceAll(',', ',,').replaceAll("'", `'\\''`)}'`
}
