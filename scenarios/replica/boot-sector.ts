/** Machine code of the boot sectors here: it counts its boots in its own sector, prints `boot N`, restarts once, and then does what `end` says. */
const COUNTING_BOOT = [
  '31c08ed88ec08ed0bc007c', // segments and stack
  '8816f07d', // the BIOS gives the drive in DL: kept at 7df0
  'fe06f17d', // one boot more, counted at 7df1
  'b80103bb007cb901008a16f07db600cd13', // int 13h: write this sector back
  'baf803be007dac84c07403eeebf8', // the text at 7d00 to the serial port
  'a0f17d0430eeb00aee', // the number of the boot as a digit, and a line end
  '803ef17d027306', // at the second boot go to the end
  'b0fee664ebfe', // restart by the keyboard controller
].join('')

const ENDS = {
  /** Stops the processor. */
  halt: 'f4ebfd',
  /** ACPI power off, as QEMU's chip sets have it. */
  'power-off': 'ba0406b80020eff4ebfd',
} as const

/** The first MiB of a disk that boots by BIOS without an operating system. */
export function bootSectorDisk(text: string, end: keyof typeof ENDS): Buffer {
  const disk = Buffer.alloc(1024 * 1024)
  Buffer.from(COUNTING_BOOT + ENDS[end], 'hex').copy(disk)
  disk.write(`${text}\0`, 0x100, 0xf0, 'latin1')
  disk.writeUInt16LE(0xaa55, 510)
  return disk
}
