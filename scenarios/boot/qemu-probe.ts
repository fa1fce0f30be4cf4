import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { appendixForm, renderAppendix } from '../../packages/morph/src/boot/initramfs/appendix.ts'
import { writeCpio } from '../../packages/morph/src/boot/initramfs/cpio-write.ts'
import { readInitramfs } from '../../packages/morph/src/boot/initramfs/read.ts'
import { heavy } from '../../fixtures/src/lock.ts'

/** Loads what the buses ask for, as udev would, and tells the disks. */
const PROBE = `#!/bin/sh
mkdir -p /proc /sys /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for round in 1 2; do
  for file in /sys/bus/*/devices/*/modalias; do
    read alias < $file && modprobe -b -q "$alias"
  done
done
modprobe vmw_pvscsi && echo PROBE-OLD-MODULE
sleep 2
echo "PROBE-DISKS:" /sys/block/*
echo PROBE-DONE
sleep 60
`

interface ProbeRequest {
  readonly kernel: string
  readonly image: Buffer
  readonly bus: 'virtio-blk-pci' | 'virtio-scsi-pci'
  readonly folder: string
  readonly signal: AbortSignal
}

/** Starts the kernel with the image and a disk on the bus, emulated, and gives what its console said. */
export async function probeBoot({ kernel, image, bus, folder, signal }: ProbeRequest): Promise<string> {
  await using _ = await heavy(signal)
  const [initrd, disk] = [join(folder, 'probe-initrd'), join(folder, 'probe-disk')]
  const probe = writeCpio([{ path: 'instar-probe', mode: 0o100755, content: PROBE }])
  const form = appendixForm(await readInitramfs(image, { signal }))
  await writeFile(initrd, Buffer.concat([image, renderAppendix(probe, form, image.length)]))
  await writeFile(disk, '')
  await truncate(disk, 1 << 20)
  const device =
    bus === 'virtio-blk-pci' ? ['-device', 'virtio-blk-pci,drive=d'] : ['-device', 'virtio-scsi-pci', '-device', 'scsi-hd,drive=d']
  const argv = [
    '-accel',
    'tcg',
    '-m',
    '512',
    '-nodefaults',
    '-no-reboot',
    '-display',
    'none',
    '-serial',
    'stdio',
    '-kernel',
    kernel,
    '-initrd',
    initrd,
  ]
  const append = ['-append', 'console=ttyS0 rdinit=/instar-probe panic=-1 quiet']
  const child = spawn('qemu-system-x86_64', [...argv, ...append, '-drive', `file=${disk},format=raw,if=none,id=d`, ...device], {
    signal,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let console = ''
  child.stdout.on('data', (piece: Buffer) => {
    console += piece.toString()
    if (console.includes('PROBE-DONE')) child.kill('SIGKILL')
  })
  await once(child, 'close')
  return console
}
