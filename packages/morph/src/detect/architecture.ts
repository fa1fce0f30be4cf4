import type { GuestTree } from '../tree/guest-tree.ts'
import { known } from './known.ts'

export type Architecture =
  | 'x86_64'
  | 'i686'
  | 'aarch64'
  | 'arm'
  | 'ppc64'
  | 'ppc64le'
  | 's390x'
  | 'riscv64'
  | 'loongarch64'
  | 'mips'
  | 'other'

const PROGRAMS = ['/bin/sh', '/usr/bin/sh', '/bin/bash', '/usr/bin/bash', '/usr/bin/dash', '/bin/busybox', '/usr/bin/busybox']

/** e_machine of the ELF header (elf(5), the processor supplements). */
const MACHINES: ReadonlyMap<number, Architecture> = new Map<number, Architecture>([
  [3, 'i686'],
  [8, 'mips'],
  [21, 'ppc64'],
  [22, 's390x'],
  [40, 'arm'],
  [62, 'x86_64'],
  [183, 'aarch64'],
  [243, 'riscv64'],
  [258, 'loongarch64'],
])

/** The architecture of the guest's shell, by its ELF header: never that of the minion. `undefined` when no shell could be read. */
export function detectArchitecture(tree: GuestTree): Architecture | undefined {
  for (const path of PROGRAMS) {
    const found = architectureOfElf(known(() => tree.readBytes(path)))
    if (found !== undefined) return found
  }
  return undefined
}

/** Of a program or kernel module; `undefined` when it is no ELF file. */
export function architectureOfElf(bytes: Uint8Array | undefined): Architecture | undefined {
  if (bytes === undefined || bytes.length < 20) return undefined
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, 20)
  if (header.readUInt32BE(0) !== 0x7f454c46) return undefined
  const isLittle = header[5] === 1
  const machine = isLittle ? header.readUInt16LE(18) : header.readUInt16BE(18)
  const found = MACHINES.get(machine) ?? 'other'
  return found === 'ppc64' && isLittle ? 'ppc64le' : found
}
